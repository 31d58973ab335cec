# facekit detect: one line, one test.
facekit detect astronaut.png --overlay seen.png && test -s astronaut.landmarks.npz && test -s seen.png
facekit detect astronaut.png -q -o one.npz && facekit detect astronaut.png -q -o two.npz && facekit diff one.npz two.npz
facekit detect astronaut.png -q && facekit detect astronaut.png 2> err; test $? -eq 2 && grep -q -- --force err
facekit detect astronaut.png --occlusion astronaut.mask.png --json 2> err | python3 -c 'import json, sys; f = json.load(sys.stdin)["faces"][0]; assert 100 < f["hidden"] < 300 and f["detector"] == "mediapipe"' && grep -q "white = hidden" err
facekit detect astronaut.png --face all -q && test -s astronaut_0.landmarks.npz && test ! -e astronaut_1.landmarks.npz
facekit detect astronaut.png --scheme ibug68 -q && test "$(facekit info astronaut.landmarks.npz --get points | wc -l)" -eq 68
facekit detect small.png 2> err; test $? -eq 3 && grep -q -- --box err && test ! -e small.landmarks.npz
mkdir out && facekit detect small.png astronaut.png -o out 2> err; test $? -eq 3 && test -s out/astronaut.landmarks.npz
python3 -c 'import json; print(json.dumps([[100 + i, 200 - i % 9] for i in range(68)]))' > hand.json && facekit detect astronaut.png --landmarks hand.json -q && test "$(facekit info astronaut.landmarks.npz --get detector)" = imported
facekit detect astronaut.png --box 175,75,275,180 -q && test -s astronaut.landmarks.npz
facekit detect astronaut.png --box nonsense; test $? -eq 2
facekit detect astronaut.png --detector face-alignment --scheme mediapipe478; test $? -eq 2
cp small.png astronaut.jpg && facekit detect astronaut.png astronaut.jpg 2> err; test $? -eq 2 && grep -q "same name" err && test $(wc -l < err) -eq 1 && test ! -e astronaut.landmarks.npz
facekit detect astronaut.png --overlay seen.xyz 2> err; test $? -eq 2 && grep -q "suffixes" err && test ! -e astronaut.landmarks.npz
facekit detect small.png astronaut.png 2> err; test $? -eq 3 && grep -q "small.png: no face" err
