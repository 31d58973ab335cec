# facekit render: one line, one test.
facekit render a.obj --yaw 30 --size 64 && test -s a.render.png && facekit render a.obj --size 64 2> err; test $? -eq 2 && grep -q -- --force err
facekit render a.fit.npz --size 64 -o x.png && facekit render a.ensemble.npz --index 1 --size 64 -o y.png --turntable y.gif --frames 4 && test -s y.gif
facekit render a.ensemble.npz --index 9 -o x.png; test $? -eq 2 && test ! -e x.png
facekit render a.landmarks.npz -o x.png; test $? -eq 5 && test ! -e x.png
facekit render a.obj --turntable x.avi; test $? -eq 2
mkdir empty && facekit render empty 2> err; test $? -eq 2 && grep -q face_00.obj err
facekit render a.obj -o turn.gif 2> err; test $? -eq 2 && grep -q -- --turntable err && test ! -e turn.gif
facekit render a.obj --views 3 --size 48 -o v.png && python3 -c 'from PIL import Image; assert Image.open("v.png").size == (144, 48)' && facekit render a.obj --views 3 --yaw 10 -o w.png 2> err; test $? -eq 2 && grep -q -- --yaw err
