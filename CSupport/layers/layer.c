#include "layers/layer.h"

weir_region weir_i_layer_reads_same(const weir_layer *layer, weir_region region) {
  (void)layer;
  return region;
}

weir_layer weir_i_layer_start(weir_build *build, const weir_layer_class *type, size_t bytes) {
  const weir_layer layer = {
      .type = type,
      .own = weir_i_pool_take(build->pool, 1, bytes),
      .inputs = {WEIR_NONE, WEIR_NONE, WEIR_NONE},
      .output = WEIR_NONE,
      .residual = WEIR_NONE,
  };
  if (layer.own == NULL) build->no_memory = true;
  return layer;
}
