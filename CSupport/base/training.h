// What only training needs stands beside what scoring does, and a library built without the trainer (WEIR_TRAINING=OFF) leaves it out.
#ifndef WEIR_BASE_TRAINING_H
#define WEIR_BASE_TRAINING_H

#include <stddef.h>

#ifndef WEIR_TRAINING
#define WEIR_TRAINING 1
#endif

/// A function that only training calls, for a class or a table: NULL without the trainer, so that the compiler drops the function.
#define WEIR_WHEN_TRAINING(function) (WEIR_TRAINING ? (function) : NULL)

#endif
