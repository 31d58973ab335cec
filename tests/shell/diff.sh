# facekit diff: one line, one test.
facekit diff a.fit.npz a.fit.npz
facekit diff a.obj a.ply --ignore uv --ignore uv_faces --ignore texture --ignore colours --atol 1e-6
facekit diff astronaut.png astronaut.mask.png > out; test $? -eq 1 && grep -q 'worst in pixels' out
facekit diff a.fit.npz a.camera.npz; test $? -eq 5
facekit diff a.fit.npz a.fit.npz --json | python3 -c 'import json, sys; assert json.load(sys.stdin)["equal"]'
