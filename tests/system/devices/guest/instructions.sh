# The first process of the virtual machine that counts instructions: each source tree of /pictures in turn; then off.
b=/usr/bin/busybox
export PATH=/tmp/bin:/opt/fashion/bin:/usr/sbin:/usr/bin HOME=/root PYTHONUNBUFFERED=1 LANG=C.UTF-8
$b mount -t proc proc /proc; $b mount -t sysfs sys /sys; $b mount -t tmpfs tmp /tmp
$b mkdir /tmp/bin; $b --install -s /tmp/bin
for tree in /pictures/*.zip; do
    name=$(basename $tree .zip)
    python -m zipfile -e $tree /tmp/$name
    PYTHONPATH=/tmp/$name/edge python /guest/instructions.py $name
done
echo "ended with $?"
sync; echo o > /proc/sysrq-trigger; sleep 10
