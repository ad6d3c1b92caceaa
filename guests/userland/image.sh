# Part of guests/fetch, which reads it: makes initrd-userland.cpio of Debian's packages and of the jobs
# in this folder. The packages' files are laid out in cache/userland/, which guests/userland/record
# also uses to run the jobs natively.
userland=$cache/userland
# Packages and the shared libraries that what we take of them needs.
userland_packages='stress-ng libapparmor1 libbsd0 libmd0 libcrypt1 libegl1 libgbm1 libgles2 libglvnd0
    libipsec-mb1 libjpeg62-turbo libjudydebian1 libkmod2 libsctp1 libxxhash0 zlib1g libdrm2 libexpat1
    libwayland-server0 libffi8 libzstd1 liblzma5 libxcb-randr0 libxcb1 libxau6 libxdmcp6
    libc6 libgcc-s1 libstdc++6 openssl libssl3
    python3.11-minimal libpython3.11-minimal libpython3.11-stdlib libpython3.11-testsuite
    gcc-12 cpp-12 libgcc-12-dev libc6-dev linux-libc-dev binutils-x86-64-linux-gnu libbinutils libctf0
    libjansson4 libgmp10 libmpfr6 libmpc3 libisl23 libc6-i386 libc6-dev-i386 lib32gcc-12-dev lib32gcc-s1'
# Packages of the 32-bit architecture; their C library is libc6-i386.
userland_packages_i386='busybox-static openssl libssl3 python3.11-minimal libpython3.11-minimal
    libpython3.11-stdlib zlib1g libexpat1'
# What no job needs.
userland_without='usr/share libasan* libtsan* libubsan* liblsan* lto1 lto-wrapper *lto-dump* *gcov* *ld.gold
    *dwp *-gp-* *gprof* libc.a libm*.a plugin libcc1* gconv 12/x32 libx32 lib2to3 idlelib pydoc_data
    cjkencodings libEGL_* sound rdma scsi video'

# userland_tree FOLDER FILE.deb...: unpacks packages there.
userland_tree() {
    local folder=$1 deb pattern without=()
    shift
    set -f
    for pattern in $userland_without; do without+=("--exclude=$pattern"); done
    set +f
    mkdir -p "$folder"
    for deb; do
        deb_member "$deb" data.tar | tar -x -f - -C "$folder" --no-same-owner "${without[@]}"
    done
}

# userland_download FOLDER PACKAGE...: those that are not there yet. What apt is told comes from $apt.
userland_download() {
    local folder=$1 package missing=()
    shift
    for package; do
        ls "$folder/${package}"_*.deb >/dev/null 2>&1 || missing+=("$package")
    done
    [ ${#missing[@]} -gt 0 ] || return 0
    say "downloading ${#missing[@]} packages for initrd-userland.cpio"
    (cd "$folder" && apt-get -q "${apt[@]}" download "${missing[@]}" >apt.log 2>&1) || {
        tail -n 5 "$folder/apt.log" >&2
        fail "apt-get could not get ${missing[*]}: run 'apt-get update' as root once"
    }
}

# The 32-bit packages need apt lists of their own: this machine need not know that architecture.
userland_debs() {
    local debs=$cache/debs/userland apt=(-o Acquire::Retries=3)
    command -v apt-get >/dev/null ||
        fail "there is no apt-get here; BOOTSCOPE_SKIP_USERLAND=1 goes on without initrd-userland.cpio"
    mkdir -p "$debs/i386/lists/partial"
    # shellcheck disable=SC2086 # lists of words
    userland_download "$debs" $userland_packages
    apt+=(-o APT::Architecture=i386 -o APT::Architectures=i386 -o "Dir::State::Lists=$debs/i386/lists"
        -o Dir::Cache::pkgcache= -o Dir::Cache::srcpkgcache= -o Acquire::Languages=none)
    if ! ls "$debs"/i386/lists/*Packages* >/dev/null 2>&1; then
        # A list that fails alone (a mirror being renewed) does no harm if the packages are found.
        (cd "$debs/i386" && apt-get -q "${apt[@]}" update >apt.log 2>&1) || say 'not all lists of i386 packages came'
    fi
    # shellcheck disable=SC2086
    userland_download "$debs/i386" $userland_packages_i386
}

# userland_jobs TREE: the files of this folder that run inside.
userland_jobs() {
    mkdir -p "$1/userland" "$1/userland/bin"
    cp -R "$guests"/userland/*.sh "$guests/userland/run" "$guests/userland/req.conf" "$guests/userland/c" "$1/userland/"
    rm "$1/userland/image.sh"
    install -m 755 "$guests/userland/init" "$1/init"
    install -m 755 "$cache/busybox" "$1/bin/busybox"
}

userland_stamp() {
    (cd "$guests/userland" && cat -- *.sh run init req.conf c/* "$cache/busybox" | cksum)
}

# userland: initrd-userland.cpio, made anew when the jobs or the list of packages changed.
userland() {
    local out=$cache/initrd-userland.cpio tree=$userland.new.$$ debs=$cache/debs/userland stamp name
    stamp=$(userland_stamp)
    [ "$force" = no ] && [ -s "$out" ] && [ "$(cat "$userland/.stamp" 2>/dev/null)" = "$stamp" ] && return
    userland_debs
    rm -rf "$tree"
    userland_tree "$tree" "$debs"/*.deb
    userland_tree "$tree/i386" "$debs"/i386/*.deb
    # Python finds the modules of both architectures by their names in one folder.
    mv "$tree"/i386/usr/lib/python3.11/lib-dynload/* "$tree/usr/lib/python3.11/lib-dynload/"
    mv "$tree"/i386/usr/lib/python3.11/_sysconfigdata* "$tree/usr/lib/python3.11/"
    rm -rf "$tree/i386/usr/lib/python3.11" "$tree/i386/etc" "$tree/i386/usr/include"
    mkdir -p "$tree"/{bin,dev,proc,sys,tmp,etc}
    for name in as ld; do ln -s "/usr/bin/x86_64-linux-gnu-$name" "$tree/usr/bin/$name" 2>/dev/null || :; done
    userland_jobs "$tree"
    echo 'root:x:0:0::/tmp:/bin/sh' >"$tree/etc/passwd"
    echo '127.0.0.1 localhost' >"$tree/etc/hosts"
    inode=0
    {
        cpio_tree "$tree"
        cpio_device dev/console 5 1
        cpio_device dev/null 1 3
        cpio_device dev/ttyS0 4 64
        cpio_header 'TRAILER!!!' 0 0
    } >"$out.new.$$"
    mv "$out.new.$$" "$out"
    echo "$stamp" >"$tree/.stamp"
    rm -rf "$userland"
    mv -T "$tree" "$userland"
    say "built cache/initrd-userland.cpio, $(($(wc -c <"$out") >> 20)) MiB"
}
