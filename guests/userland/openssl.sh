# Jobs of `run`: openssl. Each is done on every path that OPENSSL_ia32cap chooses (OPENSSL_ia32cap(3):
# CPUID leaf 1 EDX and ECX, then leaf 7 EBX), and the paths must agree; what one path signs or seals
# another one verifies or opens. A path that this processor does not have is the next lower one.
export OPENSSL_CONF=/dev/null

# The masks: as CPUID says; no SHA; no AVX2, BMI, ADX, SHA; no AVX; no AES, PCLMULQDQ; no SSSE3; none.
paths=': :~0x20000000 :~0x20080128 ~0x1000000000000000:~0x20080128 ~0x200000200000000:~0x20080728 ~0x1200020200000201:~0x20080728 0x0:0x0'

# on_each_path COMMAND...: what it says once, if every path says the same.
on_each_path() {
    local path
    rm -f first
    for path in $paths; do
        if [ "$path" = : ]; then "$@" >this || return
        else OPENSSL_ia32cap=$path "$@" >this || return; fi
        [ -f first ] || mv this first
        cmp -s this first 2>/dev/null || [ ! -f this ] || { echo "$path differs: $*"; cat first this; return 1; }
    done
    cat first
}

# A file of LENGTH bytes that look random, the same everywhere.
data() { yes "$1 bytes" | head -c "$1"; }

all_digests='md5 sha1 sha224 sha256 sha384 sha512 sha512-224 sha512-256 sha3-224 sha3-256 sha3-384
    sha3-512 shake128 shake256 blake2b512 blake2s256 sm3 ripemd160 md5-sha1'
digests() { # NAME...
    local name
    for name; do
        echo "$name $(openssl dgst -r -"$name" data | cut -d ' ' -f 1)"
    done
}
job_ssl_digest() {
    data 300001 >data
    on_each_path digests $all_digests
}

key=000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f
ciphers() { # NAME...
    local name
    for name; do
        openssl enc -"$name" -K "$(echo $key | head -c "$(key_digits "$name")")" -iv f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff \
            -in data -out sealed 2>>warnings
        echo "$name $(sha256sum <sealed | cut -c 1-32)"
        openssl enc -d -"$name" -K "$(echo $key | head -c "$(key_digits "$name")")" -iv f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff \
            -in sealed -out opened 2>>warnings
        cmp data opened
    done
}
key_digits() {
    case $1 in
        *-128-* | sm4-*) echo 32 ;;
        *-192-* | des-ede3-*) echo 48 ;;
        *) echo 64 ;;
    esac
}
job_ssl_cipher() {
    data 100003 >data
    on_each_path ciphers aes-128-cbc aes-192-cbc aes-256-cbc aes-128-ctr aes-256-ctr aes-128-ecb \
        aes-256-ecb aes-128-cfb aes-256-cfb aes-256-cfb8 aes-256-ofb chacha20 camellia-256-cbc \
        aria-256-ctr sm4-cbc des-ede3-cbc
}

# As CPUID says and without everything.
job_ssl_quick() {
    paths=': 0x0:0x0'
    data 50001 >data
    on_each_path digests sha1 sha256 sha512
    on_each_path ciphers aes-128-cbc aes-256-ctr chacha20
}

macs() {
    local length
    for length in 1 16 63 100 1000 70000; do
        data $length >data
        openssl mac -cipher AES-128-GCM -macopt hexkey:${key%????????????????????????????????} -macopt hexiv:000102030405060708090a0b -in data GMAC
        openssl mac -cipher AES-256-GCM -macopt hexkey:$key -macopt hexiv:000102030405060708090a0b -in data GMAC
        openssl mac -cipher AES-256-CBC -macopt hexkey:$key -in data CMAC
        openssl mac -macopt hexkey:$key -in data Poly1305
        openssl mac -macopt hexkey:${key%????????????????????????????????} -in data SipHash
        openssl mac -digest SHA1 -macopt hexkey:$key -in data HMAC
        openssl mac -digest SHA512 -macopt hexkey:$key -in data HMAC
        openssl mac -macopt hexkey:$key -in data KMAC256
        openssl mac -macopt hexkey:$key -in data BLAKE2bMAC
    done
}
job_ssl_mac() { on_each_path macs; }

kdfs() {
    openssl kdf -keylen 64 -kdfopt digest:SHA256 -kdfopt pass:word -kdfopt salt:salt -kdfopt iter:2000 PBKDF2
    openssl kdf -keylen 64 -kdfopt pass:word -kdfopt salt:NaCl -kdfopt n:1024 -kdfopt r:8 -kdfopt p:2 SCRYPT
    openssl kdf -keylen 64 -kdfopt digest:SHA512 -kdfopt key:word -kdfopt salt:salt -kdfopt info:label HKDF
    # Primes of known size: Mersenne's, and a composite beside it.
    openssl prime 162259276829213363391578010288127 170141183460469231731687303715884105727
    openssl prime 6864797660130609714981900799081393217269435300143305409394463459185543183397656052122559640661454554977296311391480858037121987999716643812574028291115057151
    openssl prime 6864797660130609714981900799081393217269435300143305409394463459185543183397656052122559640661454554977296311391480858037121987999716643812574028291115057153
}
job_ssl_kdf() { on_each_path kdfs; }

# keys: made by one path, used by all. Random keys, so only the verdicts are said.
signs() {
    local name
    for name in rsa p256 p384 p521 ed25519 ed448; do
        case $name in
            ed*) openssl pkeyutl -sign -inkey $name.pem -rawin -in data -out $name.sig
                openssl pkeyutl -verify -inkey $name.pem -rawin -in data -sigfile $name.sig
                openssl pkeyutl -verify -inkey $name.pem -rawin -in data -sigfile $name.first ;;
            *) openssl dgst -sha256 -sign $name.pem -out $name.sig data
                openssl dgst -sha256 -prverify $name.pem -signature $name.sig data
                openssl dgst -sha256 -prverify $name.pem -signature $name.first data ;;
        esac
        [ -f $name.first ] || cp $name.sig $name.first
    done
    for name in x25519 x448 p256 p384; do
        openssl pkeyutl -derive -inkey $name.pem -peerkey $name.other.pub -out $name.secret
        openssl pkeyutl -derive -inkey $name.other.pem -peerkey $name.pub -out $name.again
        cmp $name.secret $name.again
        [ -f $name.agreed ] || cp $name.secret $name.agreed
        cmp $name.secret $name.agreed && echo "$name agreed"
    done
    openssl pkeyutl -encrypt -inkey rsa.pem -in data -out sealed -pkeyopt rsa_padding_mode:oaep
    openssl pkeyutl -decrypt -inkey rsa.pem -in sealed -out opened -pkeyopt rsa_padding_mode:oaep
    cmp data opened && echo "rsa opened"
}
generate() { # FILE ALGORITHM [OPTION...]
    openssl genpkey -quiet -algorithm "$2" -out "$1.pem" $3 $4 2>/dev/null || openssl genpkey -algorithm "$2" -out "$1.pem" $3 $4 2>>warnings
    openssl pkey -in "$1.pem" -pubout -out "$1.pub"
    openssl pkey -in "$1.pem" -check -noout
}
job_ssl_keys() {
    local name
    data 100 >data
    generate rsa RSA -pkeyopt rsa_keygen_bits:2048
    for name in p256 p384 p521; do
        generate $name EC -pkeyopt ec_paramgen_curve:P-${name#p}
        generate $name.other EC -pkeyopt ec_paramgen_curve:P-${name#p}
    done
    for name in ed25519 ed448 x25519 x448 x25519.other x448.other; do generate $name ${name%.other}; done
    # The first signatures are another path's than most that verify them.
    for name in rsa p256 p384 p521; do OPENSSL_ia32cap=0x0:0x0 openssl dgst -sha256 -sign $name.pem -out $name.first data; done
    for name in ed25519 ed448; do OPENSSL_ia32cap=0x0:0x0 openssl pkeyutl -sign -inkey $name.pem -rawin -in data -out $name.first; done
    on_each_path signs
}

# TLS between two processes on different paths: what one seals the other opens.
job_ssl_tls() {
    local suite server
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout key.pem -out cert.pem \
        -days 3650 -subj /CN=here -config /userland/req.conf 2>>warnings
    data 200000 >index
    for suite in TLS_AES_128_GCM_SHA256 TLS_AES_256_GCM_SHA384 TLS_CHACHA20_POLY1305_SHA256; do
        OPENSSL_ia32cap=0x0:0x0 openssl s_server -accept 127.0.0.1:4433 -key key.pem -cert cert.pem \
            -ciphersuites $suite -WWW -quiet -naccept 1 >server.log 2>&1 &
        server=$!
        until netstat -ltn 2>/dev/null | grep -q 4433; do sleep 0.1; done
        { echo 'GET /index HTTP/1.0'; echo; sleep 1; } |
            openssl s_client -connect 127.0.0.1:4433 -CAfile cert.pem -verify_return_error -quiet 2>>warnings >page || :
        wait $server || :
        sed '1,/^.$/d' page | cmp - index && echo "$suite carried the page"
    done
}

job_ssl_speed() {
    openssl speed -seconds 1 -bytes 8192 -evp aes-256-gcm >&2
    openssl speed -seconds 1 -bytes 8192 -evp sha256 >&2
    openssl speed -seconds 1 -bytes 8192 -evp chacha20-poly1305 >&2
    openssl speed -seconds 1 rsa2048 ecdsap256 >&2
    echo done
}
