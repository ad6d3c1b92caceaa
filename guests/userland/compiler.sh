# Jobs of `run`: gcc compiles the programs of c/ in the guest, and what they say is compared. The same
# program in other options must say the same, but where a comment says why not.

compile() { # OUT OPTION...
    local out=$1
    shift
    x86_64-linux-gnu-gcc-12 -ffp-contract=off -frounding-math \
        -fno-builtin-rintl -fno-builtin-truncl -fno-builtin-floorl -o "$out" "$@" -lm
}

# same NAME OPTION...: the program compiled with each of the options says the same.
same() {
    local name=$1 option
    shift
    rm -f first
    for option; do
        # shellcheck disable=SC2086 # some options are several words
        compile program /userland/c/$name.c $option && ./program >this ||
            { echo "$name $option failed"; cat this; return 1; }
        [ -f first ] || mv this first
        [ ! -f this ] || cmp this first || { echo "$name $option differs"; cat this; return 1; }
    done
    echo "$name: $(wc -l <first) lines, $(sha256sum <first | cut -c 1-32)"
    cp first "$name.said"
}

job_gcc_quick() {
    same tables -O1
    same signals '-m32 -O1'
}
job_gcc() {
    same integer -O0 -O1 -O2 -O3 '-O2 -mtune=atom'
    same float -O0 -O2 -O3
    same float '-O1 -mfpmath=387' # rounds twice: another answer, also native
    same signals -O0 -O2
    same threads '-O2 -pthread'
    same tables -O0 -O2
}
# has FEATURE...: the kernel says that the processor has all of them.
has() {
    local feature
    for feature; do grep -qw "$feature" /proc/cpuinfo || return; done
}
# x86-64-v2 (SSE4.2, POPCNT) and x86-64-v3 (AVX2, BMI, FMA): only where the processor has them. With
# contraction the answers differ from those without, so they are told apart.
job_gcc_v2() {
    has sse4_2 popcnt || { echo absent; return; }
    same integer -O2 '-O3 -march=x86-64-v2'
    same float -O2 '-O3 -march=x86-64-v2'
    same tables '-O3 -march=x86-64-v2'
}
job_gcc_v3() {
    has avx2 fma bmi2 movbe || { echo absent; return; }
    same integer '-O2 -march=x86-64-v3' '-O3 -march=x86-64-v3'
    same float -O0 '-O3 -march=x86-64-v3'
    same float '-O3 -march=x86-64-v3 -ffp-contract=fast'
    same tables '-O3 -march=x86-64-v3'
}
job_gcc_32() {
    same integer '-m32 -O0' '-m32 -O2' '-m32 -O2 -march=i486' '-m32 -O3 -march=pentium4'
    same float '-m32 -O0 -msse2 -mfpmath=sse' # what functions return goes through x87: no two alike
    same float '-m32 -O2 -msse2 -mfpmath=sse'
    same float '-m32 -O1 -mfpmath=387'
    same signals '-m32 -O0' '-m32 -O2'
    same threads '-m32 -O2 -pthread'
    same tables '-m32 -O2'
}
# Something larger: many functions that call each other, compiled with all optimisations.
job_gcc_large() {
    awk 'BEGIN {
        print "#include <stdio.h>"
        for (i = 0; i < 400; i++) {
            printf "static unsigned f%d(unsigned x, unsigned n)\n{\n    unsigned i, s = %d;\n", i, i * 2654435761 % 65521
            printf "    for (i = 0; i < n; i++) { s = s * %d + (x >> (i & 7)); if (s %% %d == 0) s ^= x; }\n", i * 2 + 3, i % 17 + 2
            if (i > 1) printf "    return n > 1 ? s + f%d(s, n / 2) - f%d(x, n / 3) : s;\n}\n", i - 1, int(i / 2)
            else print "    return s;\n}"
        }
        print "int main(void)\n{\n    unsigned s = 1;"
        for (i = 0; i < 400; i++) printf "    s ^= f%d(s, 20);\n", i
        print "    printf(\"%u\\n\", s);\n    return 0;\n}"
    }' >large.c
    compile large -O2 large.c
    ./large
    compile large32 -m32 -O1 large.c
    ./large32
}
