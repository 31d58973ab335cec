# facekit model: one line, one test.
facekit model list | grep -q 'global+local'
facekit model info --json | python3 -c 'import json, sys; m = json.load(sys.stdin); assert m["modes"] == {"identity": 100, "expression": 53} and m["landmarks"]["mediapipe478"] == 478'
facekit model info default | grep -q 'Institute for Creative Technologies'
facekit model convert default -o copy.safetensors -q && facekit model info copy.safetensors --json > a.json && facekit model info --json > b.json && cmp a.json b.json && facekit model convert default -o copy.safetensors; test $? -eq 2
facekit model info none.safetensors 2> err; test $? -eq 6 && grep -q 'none.safetensors' err
facekit model build --ict a.fit.npz -o x.safetensors; test $? -eq 5 && test ! -e x.safetensors
facekit model convert default -o copy.bin 2> err; test $? -eq 2 && grep -q "suffix .safetensors" err && test ! -e copy.bin
