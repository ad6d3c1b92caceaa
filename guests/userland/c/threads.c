/* Threads with a mutex, atomics, thread-local variables and a condition. */
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>

enum { THREADS = 4, ROUNDS = 20000 };

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t turned = PTHREAD_COND_INITIALIZER;
static long plain;
static int turn;
static atomic_long counted;
static _Atomic uint64_t wide;
static _Thread_local long own;

static void *work(void *argument)
{
    long me = (long)argument;
    for (long i = 0; i < ROUNDS; i++) {
        atomic_fetch_add(&counted, i & 3);
        uint64_t old = wide;
        while (!atomic_compare_exchange_weak(&wide, &old, old + (1ull << 33) + 1)) {
        }
        own += i ^ me;
        if (i % 64 == 0) {
            pthread_mutex_lock(&mutex);
            plain += i;
            pthread_mutex_unlock(&mutex);
        }
    }
    pthread_mutex_lock(&mutex);
    while (turn != me)
        pthread_cond_wait(&turned, &mutex);
    printf("thread %ld: %ld\n", me, own);
    turn++;
    pthread_cond_broadcast(&turned);
    pthread_mutex_unlock(&mutex);
    return NULL;
}

int main(void)
{
    pthread_t threads[THREADS];
    for (long i = 0; i < THREADS; i++)
        pthread_create(&threads[i], NULL, work, (void *)i);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    printf("%ld %ld %llx\n", plain, (long)counted, (unsigned long long)wide);
    return 0;
}
