import Weir
import WeirData

extension PixelImage {
  /// A grid of images, left to right, top to bottom, with a 2-pixel line between them.
  ///
  /// - Parameters:
  ///   - values: Float [n, c, h, w], 0..255; rounded and clamped, NaN is black.
  ///   - shape: [c, h, w] with c 1 or 3.
  ///   - columns: nil for a grid about as wide as high.
  /// - Throws: `WeirError.Code.unsupported` for other channel counts, `shape` when the counts do not fit.
  public static func grid(of values: [Float], shape: [Int], columns: Int? = nil) throws(WeirError) -> PixelImage {
    guard shape.count == 3, shape[0] == 1 || shape[0] == 3 else {
      throw WeirError(.unsupported, where: "grid", "pictures have 1 or 3 channels; the shape is \(shape)")
    }
    let (channels, height, width) = (shape[0], shape[1], shape[2])
    let dims = channels * height * width
    guard dims > 0, values.count > 0, values.count.isMultiple(of: dims) else {
      throw WeirError(.shape, where: "grid", "\(values.count) numbers are not a whole number of images \(shape)")
    }
    let count = values.count / dims
    let across = max(1, min(count, columns ?? Int(Double(count).squareRoot().rounded(.up))))
    let down = (count + across - 1) / across
    let gap = 2
    var picture = PixelImage(
      width: across * (width + gap) - gap, height: down * (height + gap) - gap, channels: channels, filledWith: 128)
    for index in 0..<count {
      let (left, top) = (index % across * (width + gap), index / across * (height + gap))
      for channel in 0..<channels {
        for y in 0..<height {
          for x in 0..<width {
            let value = values[index * dims + (channel * height + y) * width + x]
            picture.pixels[((top + y) * picture.width + left + x) * channels + channel] = level(value)
          }
        }
      }
    }
    return picture
  }

  /// The 8-bit level nearest to `value`.
  public static func level(_ value: Float) -> UInt8 {
    value.isNaN ? 0 : UInt8(min(max(value, 0), 255).rounded())
  }
}
