#!/bin/bash
# enter.sh ROOT EMULATOR WORK PROGRAM ARG...    called by guest.py inside new user, mount and process namespaces:
# every mount and the binfmt entry belong to these namespaces and end with them, however they end.
set -euo pipefail
root=$1 emulator=$2 work=$3; shift 3
if [ "$emulator" != - ]; then
    mount -t binfmt_misc binfmt_misc /proc/sys/fs/binfmt_misc
    # F: the kernel keeps the emulator open, so that the root needs no copy of it
    magic='\x7fELF\x02\x01\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02\x00\xb7\x00'
    mask='\xff\xff\xff\xff\xff\xff\xff\x00\xff\xff\xff\xff\xff\xff\xff\xff\xfe\xff\xff\xff'
    printf '%s' ":arm64:M::$magic:$mask:$emulator:F" > /proc/sys/fs/binfmt_misc/register
fi
mkdir -p "$root"/{proc,sys,dev,tmp,root,lab}
for folder in proc sys dev; do mount --rbind "/$folder" "$root/$folder"; done
mount -t tmpfs tmpfs "$root/tmp"
mount --bind "$work" "$root/lab"
exec chroot "$root" "$@"
