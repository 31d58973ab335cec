# facekit evaluate: one line, one test.
facekit synth photos -n 1 -o a --size 256 --seed 3 --occluder blob -q && facekit evaluate diversity --data a --methods flame+dpp --from-meshes -n 2 --seed 1 -o b > out && grep -q 'Table 1' out && cmp out b/tables.md && test -s b/histogram.png && facekit evaluate diversity --data a --methods flame+dpp --from-meshes -n 2 -o b --json | python3 -c 'import json, sys; assert json.load(sys.stdin)["cases"] == 1'
facekit evaluate diversity --data nowhere -o b 2> err; test $? -eq 4 && grep -q nowhere err && ! test -e b/tables.md
facekit evaluate diversity --cases 0; test $? -eq 2
facekit evaluate diversity --methods global+local+vae --seed 1 --weights text.txt; test $? -eq 5
facekit evaluate | grep -q diversity; facekit evaluate diversity --help | grep -q -- --align
facekit evaluate completion --data nowhere -o b; test $? -eq 4 && ! test -e b/tables.md; facekit evaluate completion --methods magic -o c; test $? -eq 2
