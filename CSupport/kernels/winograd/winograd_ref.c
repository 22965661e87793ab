// The transforms of winograd.h as matrices in double. With points a_j (Toom and Cook's interpolation, transposed as Winograd has it):
//   A'[r][j] = a_j^r, for infinity 1 in the last row;  G[j] = (1, a_j, a_j^2) / N_j, for infinity (0, 0, 1)
//   B'[j] = coefficients of the product of (x - a_k) over finite k other than j, for infinity over all finite k
// where N_j is that product at a_j. A smaller tile has fewer points, hence other N_j; G keeps those of the 4x4 tile, and B' makes up for it.
#include <string.h>

#include "kernels/kernels.h"

enum { POINTS = WEIR_WINOGRAD_POINTS, AT_INFINITY = 1 };

static const double places[POINTS] = {0, 0, WEIR_WINOGRAD_A, -WEIR_WINOGRAD_A, WEIR_WINOGRAD_B, -WEIR_WINOGRAD_B};

/// The product of (at - a_k) over the finite ones of the first `points`, without number j.
static double product_at(size_t points, size_t j, double at) {
  double product = 1;
  for (size_t k = 0; k < points; k++)
    if (k != j && k != AT_INFINITY) product *= at - places[k];
  return product;
}

/// Row j of B' for a tile of m outputs: m + 2 numbers.
static void input_row(size_t m, size_t j, double *row) {
  const size_t points = m + 2;
  memset(row, 0, POINTS * sizeof *row);
  row[0] = 1;
  size_t degree = 0;
  for (size_t k = 0; k < points; k++) {
    if (k == j || k == AT_INFINITY) continue;
    degree++;
    for (size_t d = degree; d > 0; d--) row[d] = row[d - 1] - places[k] * row[d];
    row[0] *= -places[k];
  }
  if (j == AT_INFINITY) return;
  const double ratio = product_at(POINTS, j, places[j]) / product_at(points, j, places[j]);
  for (size_t d = 0; d < points; d++) row[d] *= ratio;
}

/// G[j][k]
static double weight_at(size_t j, size_t k) {
  if (j == AT_INFINITY) return k == 2;
  double power = 1;
  for (size_t e = 0; e < k; e++) power *= places[j];
  return power / product_at(POINTS, j, places[j]);
}

/// A'[r][j] for a tile of m outputs.
static double output_at(size_t m, size_t r, size_t j) {
  if (j == AT_INFINITY) return r == m - 1;
  double power = 1;
  for (size_t e = 0; e < r; e++) power *= places[j];
  return power;
}

static float activation(const weir_winograd_input *a, size_t c, ptrdiff_t row, ptrdiff_t column) {
  if (row < 0 || column < 0 || row >= (ptrdiff_t)a->grid.h || column >= (ptrdiff_t)a->grid.w || c >= a->c) return 0;
  const size_t pixel = (size_t)row * a->grid.w + (size_t)column;
  const float x = a->x[(c / WEIR_BLOCK * a->grid.h * a->grid.w + pixel) * WEIR_BLOCK + c % WEIR_BLOCK];
  const float u = a->scale != NULL ? a->scale[c] * x + a->shift[c] : x;
  if (!a->relu || !(u <= 0)) return u;
  return a->slope == 0 ? 0 : a->slope * u;
}

/// B' of every size of tile.
typedef struct input_matrices {
  double of[WEIR_WINOGRAD_TILE + 1][POINTS][POINTS];
} input_matrices;

static void input_tile(const weir_winograd_input *a, const input_matrices *b, size_t c, size_t ty, size_t tx, bool bf16) {
  const size_t down = weir_i_winograd_size(a->grid.region.rows, ty), across = weir_i_winograd_size(a->grid.region.columns, tx);
  const ptrdiff_t row = (ptrdiff_t)(a->grid.region.row + ty * WEIR_WINOGRAD_TILE) - 1;
  const ptrdiff_t column = (ptrdiff_t)(a->grid.region.column + tx * WEIR_WINOGRAD_TILE) - 1;
  double half[POINTS][POINTS] = {{0}};
  for (size_t q = 0; q < across + 2; q++)
    for (size_t r = 0; r < down + 2; r++) {
      const double d = activation(a, c, row + (ptrdiff_t)r, column + (ptrdiff_t)q);
      for (size_t i = 0; i < down + 2; i++) half[i][q] += b->of[down][i][r] * d;
    }
  const size_t tile = c / WEIR_BLOCK * weir_i_winograd_tiles(&a->grid) + weir_i_winograd_place(&a->grid, a->sample, ty, tx);
  for (size_t i = 0; i < down + 2; i++)
    for (size_t j = 0; j < across + 2; j++) {
      double sum = 0;
      for (size_t q = 0; q < across + 2; q++) sum += b->of[across][j][q] * half[i][q];
      const size_t at = (i * POINTS + j) * a->v_plane + tile * WEIR_BLOCK + c % WEIR_BLOCK;
      if (bf16) {
        a->v_bf16[at] = weir_i_bf16_of((float)sum);
      } else {
        a->v[at] = (float)sum;
      }
    }
}

static void input_blocks(const weir_winograd_input *a, size_t block_begin, size_t block_end, bool bf16) {
  input_matrices b;
  for (size_t m = 1; m <= WEIR_WINOGRAD_TILE; m++)
    for (size_t j = 0; j < m + 2; j++) input_row(m, j, b.of[m][j]);
  for (size_t c = block_begin * WEIR_BLOCK; c < block_end * WEIR_BLOCK; c++)
    for (size_t ty = 0; ty < weir_i_winograd_along(a->grid.region.rows); ty++)
      for (size_t tx = 0; tx < weir_i_winograd_along(a->grid.region.columns); tx++) input_tile(a, &b, c, ty, tx, bf16);
}

void weir_k_winograd_input_ref(const weir_winograd_input *a, size_t block_begin, size_t block_end) {
  input_blocks(a, block_begin, block_end, false);
}

void weir_k_winograd_input_bf16_ref(const weir_winograd_input *a, size_t block_begin, size_t block_end) {
  input_blocks(a, block_begin, block_end, true);
}

/// (G x G)[p][k]: what kernel number k counts for in plane p.
typedef struct weight_matrix {
  double at[WEIR_WINOGRAD_PLANES][9];
} weight_matrix;

static void make_weight_matrix(weight_matrix *g) {
  for (size_t p = 0; p < WEIR_WINOGRAD_PLANES; p++)
    for (size_t k = 0; k < 9; k++) g->at[p][k] = weight_at(p / POINTS, k / 3) * weight_at(p % POINTS, k % 3);
}

void weir_k_winograd_weights_ref(const float *weight, size_t ic, float *u, size_t u_plane) {
  weight_matrix g;
  make_weight_matrix(&g);
  for (size_t i = 0; i < ic; i++)
    for (size_t l = 0; l < WEIR_BLOCK; l++)
      for (size_t p = 0; p < WEIR_WINOGRAD_PLANES; p++) {
        double sum = 0;
        for (size_t k = 0; k < 9; k++) sum += g.at[p][k] * (double)weight[(i * 9 + k) * WEIR_BLOCK + l];
        u[p * u_plane + i * WEIR_BLOCK + l] = (float)sum;
      }
}

void weir_k_winograd_weights_bf16_ref(const uint16_t *weight, size_t ic, uint16_t *u, size_t u_plane) {
  weight_matrix g;
  make_weight_matrix(&g);
  for (size_t i = 0; i < 2 * weir_i_bf16_pairs(ic); i++)
    for (size_t l = 0; l < WEIR_BLOCK; l++)
      for (size_t p = 0; p < WEIR_WINOGRAD_PLANES; p++) {
        double sum = 0;
        for (size_t k = 0; k < 9 && i < ic; k++)
          sum += g.at[p][k] * (double)weir_i_bf16_float(weight[(i * 9 + k) * WEIR_BLOCK + l]);
        u[p * u_plane + (i / 2 * WEIR_BLOCK + l) * 2 + i % 2] = weir_i_bf16_of((float)sum);
      }
}

/// A' of every size of tile.
typedef struct output_matrices {
  double of[WEIR_WINOGRAD_TILE + 1][WEIR_WINOGRAD_TILE][POINTS];
} output_matrices;

static void make_output_matrices(output_matrices *a) {
  for (size_t m = 1; m <= WEIR_WINOGRAD_TILE; m++)
    for (size_t r = 0; r < m; r++)
      for (size_t j = 0; j < m + 2; j++) a->of[m][r][j] = output_at(m, r, j);
}

static void output_tile(const weir_winograd_output *a, const output_matrices *matrices, size_t l, size_t ty, size_t tx) {
  const size_t down = weir_i_winograd_size(a->grid.region.rows, ty), across = weir_i_winograd_size(a->grid.region.columns, tx);
  const float *m = a->m + weir_i_winograd_place(&a->grid, a->sample, ty, tx) * WEIR_BLOCK + l;
  for (size_t r = 0; r < down; r++)
    for (size_t q = 0; q < across; q++) {
      double sum = 0;
      for (size_t i = 0; i < down + 2; i++)
        for (size_t j = 0; j < across + 2; j++)
          sum += matrices->of[down][r][i] * matrices->of[across][q][j] * (double)m[(i * POINTS + j) * a->m_plane];
      const size_t row = a->grid.region.row + ty * WEIR_WINOGRAD_TILE + r,
                   column = a->grid.region.column + tx * WEIR_WINOGRAD_TILE + q;
      const size_t at = (row * a->grid.w + column) * WEIR_BLOCK + l;
      float y = (float)sum;
      if (a->bias != NULL) y += a->bias[l];
      if (a->residual != NULL) y += a->residual[at];
      a->y[at] = y;
    }
}

void weir_k_winograd_output_ref(const weir_winograd_output *a) {
  output_matrices matrices;
  make_output_matrices(&matrices);
  for (size_t l = 0; l < WEIR_BLOCK; l++)
    for (size_t ty = 0; ty < weir_i_winograd_along(a->grid.region.rows); ty++)
      for (size_t tx = 0; tx < weir_i_winograd_along(a->grid.region.columns); tx++) output_tile(a, &matrices, l, ty, tx);
}

static void output_tile_back(const weir_winograd_output_gradient *a, const output_matrices *matrices, size_t l, size_t ty,
                             size_t tx) {
  const size_t down = weir_i_winograd_size(a->grid.region.rows, ty), across = weir_i_winograd_size(a->grid.region.columns, tx);
  const size_t row = a->grid.region.row + ty * WEIR_WINOGRAD_TILE, column = a->grid.region.column + tx * WEIR_WINOGRAD_TILE;
  float *dm = a->dm + weir_i_winograd_place(&a->grid, a->sample, ty, tx) * WEIR_BLOCK + l;
  for (size_t i = 0; i < down + 2; i++)
    for (size_t j = 0; j < across + 2; j++) {
      double sum = 0;
      for (size_t r = 0; r < down; r++)
        for (size_t q = 0; q < across; q++)
          sum += matrices->of[down][r][i] * matrices->of[across][q][j] *
                 (double)a->dy[((row + r) * a->grid.w + column + q) * WEIR_BLOCK + l];
      dm[(i * POINTS + j) * a->m_plane] = (float)sum;
    }
}

void weir_k_winograd_output_back_ref(const weir_winograd_output_gradient *a) {
  output_matrices matrices;
  make_output_matrices(&matrices);
  for (size_t l = 0; l < WEIR_BLOCK; l++)
    for (size_t ty = 0; ty < weir_i_winograd_along(a->grid.region.rows); ty++)
      for (size_t tx = 0; tx < weir_i_winograd_along(a->grid.region.columns); tx++) output_tile_back(a, &matrices, l, ty, tx);
}

void weir_k_winograd_weights_back_ref(const float *du, size_t u_plane, size_t ic, float *dweight) {
  weight_matrix g;
  make_weight_matrix(&g);
  for (size_t i = 0; i < ic; i++)
    for (size_t l = 0; l < WEIR_BLOCK; l++)
      for (size_t k = 0; k < 9; k++) {
        double sum = 0;
        for (size_t p = 0; p < WEIR_WINOGRAD_PLANES; p++) sum += g.at[p][k] * (double)du[p * u_plane + i * WEIR_BLOCK + l];
        dweight[(i * 9 + k) * WEIR_BLOCK + l] += (float)sum;
      }
}
