# facekit info: one line, one test.
facekit info a.fit.npz | grep -q "made by: facekit detect 'my photo.jpg'"
test "$(facekit info a.fit.npz --get stats.iterations)" = 12
test "$(facekit info a.camera.npz --get R | wc -l)" -eq 3
facekit info a.ensemble.npz --json | python3 -c 'import json, sys; assert json.load(sys.stdin)["values"]["vertices"]["shape"] == [2, 4, 3]'
facekit info a.obj a.glb a.ply astronaut.png a.code.npz > /dev/null
facekit info none.npz a.obj 2> err > out; test $? -eq 4 && grep -q 'none.npz does not exist' err && grep -q vertices out
facekit info a.fit.npz --get nonsense; test $? -eq 2
