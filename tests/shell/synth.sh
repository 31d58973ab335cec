# facekit synth: one line, one test.
facekit synth photos -n 2 -o a --size 96 --seed 3 --occluder glasses && facekit synth photos -n 1 -o b --size 96 --seed 3 --occluder glasses && cmp a/00000.png b/00000.png && cmp a/00000.truth.npz b/00000.truth.npz && ! cmp -s a/00000.png a/00001.png && ! cmp -s a/00000.png a/00000.occluded.png && test -s a/00000.mask.png
mkdir a && touch a/00000.png && { facekit synth photos -n 1 -o a --size 64 2> err; test $? -eq 2; } && grep -q -- --force err && test ! -e a/00000.truth.npz
facekit synth photos -n 1 -o a --model nobody; test $? -eq 6 && test ! -e a
facekit synth albedo -o a.safetensors --people 10 --modes 4 --size 32 --seed 1 && facekit synth albedo -o b.safetensors --people 10 --modes 4 --size 32 --seed 1 && cmp a.safetensors b.safetensors && facekit info a.safetensors > /dev/null
facekit synth occlude astronaut.png --occluder cloth --seed 1 -o o && test -s o/astronaut.png && test -s o/astronaut.occluded.png && facekit synth occlude small.png -o p; test $? -eq 3 && ! test -e p
