// Does this picture belong? The exit code is the verdict: 0 it does, 1 it does not, 2 something went wrong.
//
//   decide MODEL LOW HIGH < picture.pgm
#include <weir.h>

#include <cmath>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <iterator>
#include <limits>
#include <memory>
#include <sstream>
#include <stdexcept>
#include <string>

namespace {

void check(weir_status status, const std::string &what) {
  if (status != WEIR_OK) throw std::runtime_error(what + ": " + weir_status_text(status));
}

class Model {
 public:
  explicit Model(const std::string &path) {
    weir_error error;
    weir_model *opened;
    if (weir_model_open(path.c_str(), nullptr, &opened, &error) != WEIR_OK)
      throw std::runtime_error(std::string(error.where) + ": " + error.message);
    model_.reset(opened);
    check(weir_model_get_info(opened, &info_), path);
  }
  const weir_model *get() const { return model_.get(); }
  const weir_model_info &info() const { return info_; }

 private:
  struct Close {
    void operator()(weir_model *model) const { weir_model_close(model); }
  };
  std::unique_ptr<weir_model, Close> model_;
  weir_model_info info_{};
};

/// Scores one picture at a time. The model must outlive it.
class Session {
 public:
  explicit Session(const Model &model) : dims_(model.info().dims) {
    weir_session_options options = weir_session_options_default();
    options.batch = 1;
    std::size_t bytes;
    check(weir_session_size(model.get(), &options, &bytes), "the session");
    memory_ = std::make_unique<std::byte[]>(bytes);
    check(weir_session_init(model.get(), &options, memory_.get(), bytes, &session_), "the session");
  }

  /// `pixels` has the model's size. Infinity for a picture that can't be scored.
  double bits_per_dimension(const std::string &pixels) {
    double log_likelihood;
    check(weir_score_u8(session_, reinterpret_cast<const std::uint8_t *>(pixels.data()), 1, &log_likelihood),
          "the model can't score pictures");
    return -log_likelihood / (static_cast<double>(dims_) * std::log(2.0));
  }

 private:
  std::size_t dims_;
  std::unique_ptr<std::byte[]> memory_;
  weir_session *session_ = nullptr;  // lies in memory_
};

/// The pixels of a picture of the model's size: all the bytes, or what follows a PGM's header.
std::string read_pixels(std::istream &in, const weir_model_info &info) {
  std::string bytes(std::istreambuf_iterator<char>(in), {});
  if (bytes.size() == info.dims) return bytes;
  std::istringstream header(bytes);
  const auto number = [&header] {
    while ((header >> std::ws).peek() == '#') header.ignore(std::numeric_limits<std::streamsize>::max(), '\n');
    std::size_t value = 0;
    header >> value;
    return value;
  };
  std::string kind;
  header >> kind;
  const bool fits = kind == "P5" && info.shape[0] == 1 && number() == info.shape[2] && number() == info.shape[1] && number() == 255;
  if (fits && header) bytes.erase(0, static_cast<std::size_t>(header.tellg()) + 1);  // one white space ends the header
  if (!fits || bytes.size() != info.dims) {
    std::ostringstream wanted;
    wanted << "stdin: give a binary PGM (P5) of " << info.shape[2] << "x" << info.shape[1] << " pixels up to 255, or " << info.dims
           << " bytes, one a pixel and channel";
    throw std::invalid_argument(wanted.str());
  }
  return bytes;
}

}  // namespace

int main(int argc, char **argv) try {
  if (argc != 4) throw std::invalid_argument("usage: decide MODEL LOW HIGH < picture.pgm");
  char *low_end, *high_end;
  const double low = std::strtod(argv[2], &low_end), high = std::strtod(argv[3], &high_end);
  if (*low_end != '\0' || *high_end != '\0' || !(low <= high))
    throw std::invalid_argument("LOW HIGH: give the bits per dimension between which pictures belong, the lower number first");

  const Model model(argv[1]);
  const double bits = Session(model).bits_per_dimension(read_pixels(std::cin, model.info()));
  const bool belongs = low <= bits && bits <= high;
  std::printf("%.4f bits per dimension: %s\n", bits, belongs ? "belongs" : "does not belong");
  return belongs ? 0 : 1;
} catch (const std::exception &error) {
  std::cerr << "decide: " << error.what() << '\n';
  return 2;
}
