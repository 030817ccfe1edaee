#!/bin/bash
# initrd.sh MODULES BUSYBOX NAME...    writes /lab/initrd, which loads the named modules and goes over to /dev/vda
set -euo pipefail
modules=$1 busybox=$2; shift 2
folder=$(mktemp -d)
mkdir -p "$folder"/{bin,proc,dev,sys,root,modules}
cp "$busybox" "$folder/bin/busybox"
for name in "$@"; do
    file=$(find "$modules" -name "$name.ko.xz" | head -1)
    [ -z "$file" ] && continue # built in
    xz -dc "$file" > "$folder/modules/$name.ko"
    echo "$name" >> "$folder/modules/order"
done
cat > "$folder/init" <<'INIT'
#!/bin/busybox sh
b=/bin/busybox
$b mount -t proc proc /proc; $b mount -t sysfs sys /sys; $b mount -t devtmpfs dev /dev
for name in $($b cat /modules/order); do $b insmod /modules/$name.ko 2> /dev/null; done
tries=0
while [ ! -b /dev/vda ] && [ $tries -lt 100 ]; do $b sleep 0.1; tries=$((tries + 1)); done
$b mount -t ext4 -o rw,noatime /dev/vda /root || $b poweroff -f
$b mount --move /dev /root/dev
exec $b switch_root /root /usr/bin/busybox sh /guest/$program # from the kernel's command line
INIT
chmod +x "$folder/init"
cd "$folder"
find . | cpio --quiet -o -H newc | gzip -1 > /lab/initrd
