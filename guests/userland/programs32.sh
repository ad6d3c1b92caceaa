# Jobs of `run`: 32-bit programs of Debian's i386 packages on the 64-bit kernel. They are below /i386;
# the C library is the 32-bit one of the amd64 packages.
libraries32=/i386/usr/lib/i386-linux-gnu:/i386/lib/i386-linux-gnu

job_i386_busybox() {
    local b=/i386/bin/busybox
    file=data
    data 200000 >$file
    for sum in md5sum sha1sum sha256sum sha512sum sha3sum cksum crc32; do $b $sum <$file; done
    $b gzip -9 <$file | $b gunzip | $b cmp - $file && echo gzip
    $b seq 1 3000 | $b awk '{ s += sqrt($1) * sin($1) / 3; p = (p * 31 + $1) % 1000003 } END { printf "%.9f %d\n", s, p }'
    echo '2 64 ^ 1 - 3 / p' | $b dc
    $b seq 1 5000 | $b sort -r | $b sort -n | $b md5sum
    $b sh -c 'i=0; s=0; while [ $i -lt 3000 ]; do i=$((i + 1)); s=$(((s * 16807 + i) % 2147483647)); done; echo $s'
    $b od -A n -t x8 -t fF -N 64 $file
    $b uname -m
}
# Its paths are other ones than the 64-bit program's: MMX, SSE2 and plain.
openssl32() { LD_LIBRARY_PATH=$libraries32 /i386/usr/bin/openssl "$@"; }
job_i386_ssl() {
    data 100001 >data
    openssl() { openssl32 "$@"; }
    on_each_path digests $all_digests
    on_each_path ciphers aes-128-cbc aes-256-ctr aes-256-ecb chacha20 camellia-256-cbc des-ede3-cbc
    on_each_path kdfs
}
# Its floats are x87's.
python32() { LD_LIBRARY_PATH=$libraries32 PYTHONHOME=/usr /i386/usr/bin/python3.11 "$@"; }
job_i386_quick() {
    paths=': 0x0:0x0'
    data 20001 >data
    on_each_path openssl32 dgst -r -sha256 data
    on_each_path openssl32 dgst -r -sha512 data
    python_tests python32 test_float
}
job_i386_python() {
    python_tests python32 test_int test_long test_float test_math test_cmath test_complex test_fractions \
        test_pow test_strtod test_hash test_struct test_decimal test_statistics
}
