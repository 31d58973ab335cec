# facekit complete and demo: one line, one test.
facekit complete astronaut.png --occlusion astronaut.mask.png -n 2 --seed 1 --texture-size 256 --json 2> err | python3 -c 'import json, sys; r = json.load(sys.stdin); assert len(r["completions"]) == 2 and r["mask_on_face"]' && grep -q "white = hidden" err && test -s astronaut.complete/face_01.glb && test -s astronaut.complete/report.html && facekit complete astronaut.png --occlusion astronaut.mask.png -n 2 2> err; test $? -eq 2 && grep -q -- --force err
facekit complete astronaut.png; test $? -eq 2 && test ! -e astronaut.complete
facekit complete astronaut.png --occlusion small.mask.png 2> err; test $? -eq 2 && grep -q "full size" err && test ! -e astronaut.complete
facekit complete small.png --occlusion small.mask.png -o out; test $? -eq 3 && test ! -e out
facekit complete astronaut.png --occlusion astronaut.mask.png --ensemble a.ensemble.npz 2> err; test $? -eq 2 && grep -q -- --fit err
mkdir masks && cp astronaut.mask.png masks/astronaut.png && cp small.mask.png masks/ && facekit complete small.png astronaut.png --occlusion masks -n 1 --texture-size 256 -o out -q; test $? -eq 3 && test -s out/astronaut.complete/completed_00.png && test ! -e out/small.complete
facekit fit-3dmm astronaut.png --occlusion astronaut.mask.png -q && facekit diversify astronaut.fit.npz -n 2 --seed 3 -q && facekit complete astronaut.png --occlusion astronaut.mask.png --fit astronaut.fit.npz --ensemble astronaut.ensemble.npz --texture-size 256 --seed 3 -q -o out && facekit diff out/ensemble.npz astronaut.ensemble.npz
facekit complete astronaut.png --occlusion astronaut.mask.png -o - 2> err; test $? -eq 2 && grep -q "give a path" err && test ! -e ./-
facekit complete astronaut.png --occlusion astronaut.mask.png --method none 2> err; test $? -eq 2 && grep -q "flame+dpp" err && test ! -e astronaut.complete
