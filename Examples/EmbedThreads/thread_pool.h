// A host's own threads for Weir: workers made once, which any number of sessions share.
#ifndef THREAD_POOL_H
#define THREAD_POOL_H

#include <weir.h>

typedef struct thread_pool thread_pool;

/// Starts `workers` threads; 0 will do, for whoever asks for work helps with it. NULL when there is no memory or no thread.
thread_pool *thread_pool_start(size_t workers);
/// Ends the threads. No session may be scoring.
void thread_pool_stop(thread_pool *pool);

/// For weir_session_options.executor. Must not outlive the pool. Sessions on several threads may run work at once.
weir_executor thread_pool_executor(thread_pool *pool);

#endif
