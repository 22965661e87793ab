// 3x3 convolution by Winograd's minimal filtering F(4x4, 3x3) (Lavin and Gray, "Fast Algorithms for Convolutional Neural Networks", CVPR
// 2016): 36 products for 16 outputs where direct convolution takes 144.
//
// The convolution is a product of polynomials, taken at six points along each axis: 0, infinity, 5/8, -5/8, 3/2, -3/2. These points, whose
// powers are exact and which lie around 1, lose less than the usual 0, 1, -1, 2, -2: an output's error is about twice that of a direct sum.
//   input    V = B' d B   for each 6x6 window d of the input            weir_k_winograd_input
//   weight   U = G g G'   for each 3x3 kernel g                         weir_k_winograd_weights
//   product  M[point][tile][o] = sum over i of U[point][o][i] V[point][tile][i], 36 matrix products: gemm_forward
//   output   Y = A' M A   for each 4x4 tile                             weir_k_winograd_output
// The gradient by weights walks back through the last three: dM = A dY A', dU = sum over tiles of dM V, dg = G' dU G.
//
// A region whose sides are no multiples of 4 ends in tiles that are m = 1, 2 or 3 wide. They need only the first m + 2 points, so the same U
// serves them, and planes of the other points leave them out: 14x14 outputs take 22^2 products and not 24^2.
//
// Planes. Point (i, j), i down and j across, is plane 6 i + j. A plane of V is [blocks(ic)][tiles][16], of M [tiles][16] for each block of
// output channels, of U [ic][16]. Tiles of several samples lie in one plane, in an order that leaves those of every point in one range
// (winograd_grid.h).
//
// In bf16 (kernels/bf16/bf16.h) V is arranged likewise, U as [pairs(ic)][16][2], and the products are gemm_bf16. Both are transformed in f32
// and then rounded; M stays f32.
#ifndef WEIR_KERNELS_WINOGRAD_H
#define WEIR_KERNELS_WINOGRAD_H

#include <stdbool.h>
#include <stdint.h>

#include "kernels/block.h"
#include "kernels/winograd/winograd_grid.h"

#define WEIR_WINOGRAD_A 0.625
#define WEIR_WINOGRAD_B 1.5

/// V of one sample's tiles, from its activation: u = scale[c] * x + shift[c], then the rectifier, then zeros around the map.
///
/// x       [blocks(c)][h][w][16]; only pixels in the region and next to it are read
/// scale   [blocks(c) * 16], or NULL for u = x (shift is then not read);  shift, relu and slope as weir_preact has them
/// strip   scratch, weir_i_winograd_strip(grid) floats
/// v       planes `v_plane` numbers apart; of each, this sample's tiles are written
/// v_bf16  what winograd_input_bf16 writes in its place
typedef struct weir_winograd_input {
  const float *x;
  const float *scale;
  const float *shift;
  bool relu;
  float slope;
  size_t c;
  weir_winograd_grid grid;
  size_t sample;
  float *strip;
  float *v;
  uint16_t *v_bf16;
  size_t v_plane;
} weir_winograd_input;

/// Computes channel blocks [block_begin, block_end).
typedef void weir_k_winograd_input_fn(const weir_winograd_input *input, size_t block_begin, size_t block_end);
typedef void weir_k_winograd_input_bf16_fn(const weir_winograd_input *input, size_t block_begin, size_t block_end);

/// U of one block of output channels: weight [ic][3][3][16] as weir_conv3x3 packs it; u: planes [ic][16], `u_plane` floats apart.
typedef void weir_k_winograd_weights_fn(const float *weight, size_t ic, float *u, size_t u_plane);
/// The same of bf16 weights, in pairs; an odd last channel is paired with zeros.
typedef void weir_k_winograd_weights_bf16_fn(const uint16_t *weight, size_t ic, uint16_t *u, size_t u_plane);

/// y = A' M A + bias + residual over one sample's tiles and one block of output channels.
///
/// m         planes [tiles][16], `m_plane` floats apart
/// bias      [16], or NULL for zero
/// residual  [h][w][16], or NULL for zero; may be y
/// y         [h][w][16]; only the region is written
typedef struct weir_winograd_output {
  const float *m;
  size_t m_plane;
  weir_winograd_grid grid;
  size_t sample;
  const float *bias;
  const float *residual;
  float *y;
} weir_winograd_output;

typedef void weir_k_winograd_output_fn(const weir_winograd_output *output);

/// dM = A dY A' of one sample's tiles and one block of output channels: the adjoint of weir_k_winograd_output.
///
/// dy  [h][w][16]; only the region is read
/// dm  planes [tiles][16], `m_plane` floats apart; of each, this sample's tiles are written
typedef struct weir_winograd_output_gradient {
  const float *dy;
  weir_winograd_grid grid;
  size_t sample;
  float *dm;
  size_t m_plane;
} weir_winograd_output_gradient;

typedef void weir_k_winograd_output_back_fn(const weir_winograd_output_gradient *gradient);

/// dweight += G' dU G of one block of output channels: the adjoint of weir_k_winograd_weights, whose arrays these are the gradients of.
typedef void weir_k_winograd_weights_back_fn(const float *du, size_t u_plane, size_t ic, float *dweight);

#endif
