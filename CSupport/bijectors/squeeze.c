// Space to channels, 2 x 2: [c, h, w] -> [4c, h/2, w/2], sub-pixel index inside the channel: channel = c * 4 + dy * 2 + dx. log-det 0.
#include "bijectors/rearrange.h"

static weir_status parse(weir_step *step, weir_build *build, const weir_step_source *source, weir_error *error) {
  (void)build;
  static const char *const keys[] = {"op"};
  const weir_map in = step->in;
  if (in.h % 2 != 0 || in.w % 2 != 0)
    return weir_i_fail(error, WEIR_ERROR_SPEC, source->path,
                       "squeeze needs an even height and width, not %zu x %zu; use fewer scales or pad the images", in.h, in.w);
  step->out = (weir_map){4 * in.c, in.h / 2, in.w / 2};
  return weir_i_json_only(source->json, source->object, source->path, keys, 1, error);
}

static void move(const weir_step *step, const float *from, float *to, bool forward) {
  const weir_map map = step->in;
  const size_t h2 = map.h / 2, w2 = map.w / 2;
  for (size_t c = 0; c < map.c; c++)
    for (size_t h = 0; h < map.h; h++)
      for (size_t w = 0; w < map.w; w++) {
        const size_t wide = (c * map.h + h) * map.w + w;
        const size_t deep = ((c * 4 + h % 2 * 2 + w % 2) * h2 + h / 2) * w2 + w / 2;
        to[forward ? deep : wide] = from[forward ? wide : deep];
      }
}

static void forward(const weir_step *step, weir_flow_run *run) { weir_i_rearrange_forward(step, run, move); }
static void inverse(const weir_step *step, weir_flow_run *run) { weir_i_rearrange_inverse(step, run, move); }
static void backward(const weir_step *step, weir_flow_run *run) { weir_i_rearrange_backward(step, run, move); }

const weir_bijector weir_i_bijector_squeeze = {
    .op = "squeeze",
    .parse = parse,
    .reserve = weir_i_rearrange_reserve,
    .forward = forward,
    .inverse = inverse,
    .backward = WEIR_WHEN_TRAINING(backward),
    .flops = weir_i_rearrange_flops,
};
