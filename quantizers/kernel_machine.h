/* What kernels ask of the machine: its instructions, and PyTorch's threads. Included where a `Job` is defined. */

#include <dlfcn.h>

typedef void (*Work)(Job *);

static int has_avx2(void)
{
    __builtin_cpu_init();
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
}

static int has_avx512(void)
{
    return has_avx2() && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
           __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
}

/* On PyTorch's own OpenMP threads, since others would wait for them: after an operation they keep their cores busy for
   a while. On the calling thread alone where there are none. */
static void run_on_threads(Work work, Job *job, unsigned threads)
{
    void (*parallel)(Work, Job *, unsigned, unsigned) = NULL;
    if (threads > 1) *(void **)&parallel = dlsym(RTLD_DEFAULT, "GOMP_parallel");
    if (parallel)
        parallel(work, job, threads, 0);
    else
        work(job);
}
