# facekit fit-3dmm and train-prior: one line, one test.
facekit fit-3dmm astronaut.png --seed 1 --mesh face.obj --overlay seen.png && test -s face.obj && test -s seen.png && test "$(facekit info astronaut.fit.npz --get model)" = default && facekit fit-3dmm astronaut.png 2> err; test $? -eq 2 && grep -q -- --force err
facekit fit-3dmm astronaut.png --occlusion astronaut.mask.png --json 2> err | python3 -c 'import json, sys; f = json.load(sys.stdin)["fits"][0]; assert f["converged"] and f["landmarks_hidden"] > 100' && grep -q "white = hidden" err
facekit detect astronaut.png -q && facekit fit-3dmm astronaut.png --landmarks astronaut.landmarks.npz -q -o one.npz && facekit fit-3dmm astronaut.png --landmarks astronaut.landmarks.npz -q -o two.npz && facekit diff one.npz two.npz --atol 1e-6
facekit detect astronaut.png --scheme ibug68 -q && facekit fit-3dmm astronaut.png --landmarks astronaut.landmarks.npz --no-photometric -q && test -s astronaut.fit.npz
mkdir out && cp astronaut.png b.png && facekit fit-3dmm astronaut.png b.png --shared-identity -q -o out && test -s out/astronaut.fit.npz && test -s out/b.fit.npz
facekit fit-3dmm small.png 2> err; test $? -eq 3 && test ! -e small.fit.npz
facekit fit-3dmm astronaut.png --occlusion small.mask.png 2> err; test $? -eq 2 && test ! -e astronaut.fit.npz
facekit fit-3dmm astronaut.png --landmarks a.fit.npz 2> err; test $? -eq 5 && test ! -e astronaut.fit.npz
facekit train-prior landmarks 2> err; test $? -eq 2 && grep -q -- --synthetic err
facekit fit-3dmm astronaut.png --mesh face.stl 2> err; test $? -eq 2 && grep -q "suffixes .obj" err && test ! -e astronaut.fit.npz
touch seen.png && facekit fit-3dmm astronaut.png --overlay seen.png 2> err; test $? -eq 2 && grep -q -- --force err && test ! -e astronaut.fit.npz
facekit detect astronaut.png -q && facekit info astronaut.landmarks.npz --get points --json > points.json && facekit fit-3dmm astronaut.png --landmarks points.json -q && test "$(facekit info astronaut.fit.npz --get landmarks.detector)" = imported
