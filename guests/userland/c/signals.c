/* Faults that a program handles: the signal, its code, where it happened, and going on after it. */
#define _GNU_SOURCE
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <ucontext.h>
#include <unistd.h>

static sigjmp_buf back;
static volatile int seen_signal, seen_code, seen_trap, seen_error;
static volatile uintptr_t seen_address;

static void handler(int number, siginfo_t *info, void *context)
{
    ucontext_t *user = context;
    seen_signal = number;
    seen_code = info->si_code;
    seen_address = (uintptr_t)info->si_addr;
    seen_trap = user->uc_mcontext.gregs[REG_TRAPNO];
    seen_error = user->uc_mcontext.gregs[REG_ERR];
    siglongjmp(back, 1);
}

#define TRY(name, base, statement)                                                    \
    do {                                                                              \
        seen_signal = 0;                                                              \
        if (!sigsetjmp(back, 1)) {                                                    \
            statement;                                                                \
        }                                                                             \
        printf("%s: signal %d code %d trap %d error %x", name, seen_signal, seen_code, \
               seen_trap, seen_error);                                                \
        if (base)                                                                     \
            printf(" address %+ld", (long)(seen_address - (uintptr_t)(base)));        \
        printf("\n");                                                                 \
    } while (0)

static void step(void)
{
#ifdef __x86_64__
    __asm__ volatile("subq $128, %%rsp\n pushfq\n orl $0x100, (%%rsp)\n popfq\n nop\n nop\n addq $128, %%rsp" ::: "cc", "memory");
#else
    __asm__ volatile("pushfl\n orl $0x100, (%%esp)\n popfl\n nop\n nop" ::: "cc", "memory");
#endif
}

int main(void)
{
    static char stack[65536];
    stack_t alternate = {.ss_sp = stack, .ss_size = sizeof stack};
    struct sigaction action = {.sa_sigaction = handler, .sa_flags = SA_SIGINFO | SA_ONSTACK};
    static const int numbers[] = {SIGFPE, SIGSEGV, SIGILL, SIGBUS, SIGTRAP};
    volatile int zero = 0, one = 1, least = INT32_MIN, minus = -1;
    char *page = mmap(NULL, 3 * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    sigaltstack(&alternate, NULL);
    for (unsigned i = 0; i < sizeof numbers / sizeof *numbers; i++)
        sigaction(numbers[i], &action, NULL);
    mprotect(page + 4096, 4096, PROT_READ);
    mprotect(page + 8192, 4096, PROT_NONE);

    TRY("divide", 0, one = one / zero);
    TRY("divide overflow", 0, one = least / minus);
    TRY("read", page, one = *(volatile char *)(page + 8192));
    TRY("write", page, *(volatile char *)(page + 4096) = 1);
    TRY("write across", page, *(volatile uint32_t *)(page + 4094) = 1);
    TRY("add to memory", page, (*(volatile int *)(page + 8192))++);
    TRY("execute", page, ((void (*)(void))page)());
    TRY("null", 1, *(volatile char *)(uintptr_t)8 = 1);
    TRY("undefined", 0, __asm__ volatile("ud2"));
    TRY("privileged", 0, __asm__ volatile("hlt"));
    TRY("port", 0, __asm__ volatile("outb %%al, $0x80" ::"a"(0)));
    TRY("interrupt gate", 0, __asm__ volatile("int $0x21"));
    TRY("breakpoint", 0, __asm__ volatile("int3"));
    TRY("misaligned vector", 0, __asm__ volatile("movaps %%xmm0, (%0)" ::"r"(page + 8) : "memory"));
    /* Trap flag: one step. The flag is set and cleared by POPF. */
    TRY("single step", 0, step());
    /* In a child: a fault without a handler ends it. */
    for (unsigned i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        int status;
        pid_t child = fork();
        if (child == 0) {
            signal(numbers[i], SIG_DFL);
            raise(numbers[i]);
            _exit(1);
        }
        waitpid(child, &status, 0);
        printf("child: %d\n", WTERMSIG(status));
    }
    return 0;
}
