# Jobs of `run`: stress-ng with --verify and fixed counts of operations. A job says which stressors
# passed and how many operations each did.

# stress NAME OPS OPTION...: one stressor. Its random numbers are seeded alike everywhere.
stress() {
    local name=$1 ops=$2
    shift 2
    stress-ng --no-rand-seed --verify --metrics-brief --temp-path . --timeout 0 \
        "--$name" 1 "--$name-ops" "$ops" "$@" >log 2>&1 || { cat log >&2; echo "$name failed"; return 1; }
    if grep -E 'fail:|unsuccessful|skipped' log >&2; then
        echo "$name failed"
        return 1
    fi
    echo "$name $* $(awk -v name="$name" '$1 == "stress-ng:" && $4 == name { print $5; exit }' log)"
}

# uncounted NAME OPS OPTION...: a stressor whose threads or processes count past OPS as it happens, or
# whose work depends on the size of the processor's caches.
uncounted() {
    local name=$1 said
    said=$(stress "$@") && echo "$name passed" || echo "$said"
}

cpu_methods='ackermann apery bitops callfunc cdouble cfloat clongdouble collatz correlate crc16
    decimal32 decimal64 decimal128 dither div8 div16 div32 div64 div128 double euler explog factorial
    fibonacci fft fletcher16 float float32 float64 float80 float128 floatconversion gamma gcd gray
    hamming hanoi hyperbolic idct int128 int64 int32 int16 int8 int128float int128double
    int128longdouble int128decimal32 int128decimal64 int128decimal128 int64float int64double
    int64longdouble int32float int32double int32longdouble intconversion ipv4checksum jmp lfsr32 ln2
    logmap longdouble loop matrixprod nsqrt omega parity phi pi prime psi queens rand rand48 rgb sieve
    stats sqrt trig union zeta'

job_stress_cpu() { stress cpu 90 --cpu-method all; } # each method once and the first ones twice
job_stress_cpu_long() {
    local method
    for method in $cpu_methods; do stress cpu 10 --cpu-method "$method"; done
}

job_stress_vector() {
    stress vecmath 2
    stress vecfp 2
    stress vecwide 2
    stress vecshuf 2
}

job_stress_x87() {
    local method
    for method in float80 longdouble clongdouble int32longdouble int64longdouble int128longdouble; do
        stress cpu 30 --cpu-method $method
    done
    for method in floatadd floatmul floatdiv doubleadd doublemul doublediv ldoubleadd ldoublemul ldoublediv; do
        stress fp 4 --fp-method $method
    done
    stress funccall 10
    stress fp-error 20
}

job_stress_sort() {
    local name
    for name in qsort heapsort mergesort radixsort shellsort; do stress $name 2 --$name-size 20000; done
    stress bsearch 2 --bsearch-size 20000
    stress hsearch 2 --hsearch-size 8192
    stress lsearch 1 --lsearch-size 2048
    stress tsearch 2 --tsearch-size 8192
    stress tree 2 --tree-size 20000
    stress skiplist 2 --skiplist-size 1024
    stress judy 1 --judy-size 65536
    stress list 2 --list-size 2000
}

job_stress_memory() {
    stress memcpy 2
    stress str 20
    stress wcs 20
    stress matrix 20 --matrix-size 64
    stress misaligned 4
    stress vm 36 --vm-bytes 1M --vm-method all
}

job_stress_vm() {
    stress vm 72 --vm-bytes 1M --vm-method all
    stress vm-rw 20 --vm-rw-bytes 4M
    stress vm-segv 50
    stress mmap 20 --mmap-bytes 4M
    stress mremap 20 --mremap-bytes 4M
    stress malloc 2000 --malloc-bytes 1M
    stress stack 50
    stress fork 50
    uncounted memthrash 10
    stress remap 4
    stress matrix-3d 4 --matrix-3d-size 32
    stress sparsematrix 2 --sparsematrix-items 1000 --sparsematrix-size 100
    stress stream 1 --stream-l3-size 1M
    uncounted cache 4
    stress hash 20
    uncounted zlib 4
    stress crypt 20
    stress bigheap 100
}

# What is odd about x86: faults caught in user space, code that changes, atomics, far branches.
job_stress_odd() {
    stress icache 100
    stress atomic 10
    stress sigfpe 200
    stress sigsegv 200
    stress sigtrap 200
    stress longjmp 200
    stress far-branch 20
    stress lockbus 20
    stress regs 20
    stress opcode 20
    stress nop 20
    stress branch 100
    stress goto 100
    stress getrandom 20
    stress vdso 100
    stress cacheline 20
}
