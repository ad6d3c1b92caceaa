# Jobs of `run`: CPython's own tests of numbers and data. A job says for each module how many tests
# ran and that they passed.

# python_tests PYTHON MODULE...
python_tests() {
    local python=$1 module
    shift
    for module; do
        # test_decimal chooses its tests when it is run as a program.
        case $module in
            test_decimal) set -- -m test.$module ;;
            *) set -- -m unittest -q test.$module ;;
        esac
        if ! $python "$@" >log 2>&1; then
            tail -n 40 log >&2
            echo "$module failed"
            return 1
        fi
        echo "$module $(sed -n 's/^Ran \([0-9]*\) tests* in.*/\1/p; /^OK/p' log | tr '\n' ' ')"
    done
}

job_python_quick() { python_tests python3.11 test_float; }
job_python_number() {
    python_tests python3.11 test_int test_long test_float test_math test_cmath test_complex test_fractions \
        test_numeric_tower test_pow test_strtod test_binop test_hash test_bool test_int_literal \
        test_abstract_numbers test_random test_statistics
}
job_python_decimal() { python_tests python3.11 test_decimal; }
job_python_data() {
    python_tests python3.11 test_struct test_array test_bytes test_memoryview test_sort test_set test_dict \
        test_list test_deque test_heapq test_zlib test_binascii test_hashlib test_hmac test_json
}
job_python_text() { python_tests python3.11 test_unicode test_format test_re test_fstring test_codecs; }
