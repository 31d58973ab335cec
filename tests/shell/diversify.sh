# facekit diversify: one line, one test. The records beside these lines are of an invented model; complete.sh diversifies a face.
facekit diversify a.fit.npz -n 2 -o x.ensemble.npz 2> err; test $? -eq 5 && grep -q 'another version of the face model' err && test $(wc -l < err) -eq 1 && test ! -e x.ensemble.npz
facekit diversify none.fit.npz a.landmarks.npz 2> err; test $? -eq 4 && grep -q 'none.fit.npz does not exist' err && grep -q '0 of 2 done' err
facekit diversify a.fit.npz -n 2 --model nobody -o x.ensemble.npz; test $? -eq 6 && test ! -e x.ensemble.npz
facekit diversify a.fit.npz --method flame+vae 2> err; test $? -eq 2 && grep -q 'flame+vae+dpp' err && facekit diversify a.fit.npz --preset paper 2> err; test $? -eq 2 && grep -q -- --photo err
facekit diversify interpolate a.fit.npz b.fit.npz --steps 1 2> err; test $? -eq 2 && facekit diversify interpolate a.fit.npz none.fit.npz 2> err; test $? -eq 4 && grep -q 'none.fit.npz does not exist' err
