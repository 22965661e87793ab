import CPNG
import Weir

/// An 8-bit picture, grey or RGB, rows top to bottom.
public struct PixelImage: Sendable, Hashable {
  /// Pixels in a row.
  public let width: Int
  /// Rows.
  public let height: Int
  /// 1 for grey, 3 for RGB.
  public let channels: Int
  /// [height, width, channels]
  public var pixels: [UInt8]

  /// A picture of one colour.
  public init(width: Int, height: Int, channels: Int, filledWith value: UInt8 = 0) {
    precondition(width > 0 && height > 0 && (channels == 1 || channels == 3))
    self.width = width
    self.height = height
    self.channels = channels
    pixels = [UInt8](repeating: value, count: width * height * channels)
  }

  /// Writes the picture as PNG.
  ///
  /// - Throws: `WeirError.Code.io` when it can't be written.
  public func writePNG(to path: String) throws(WeirError) {
    var image = png_image()
    image.version = png_uint_32(PNG_IMAGE_VERSION)
    image.width = png_uint_32(width)
    image.height = png_uint_32(height)
    image.format = channels == 1 ? png_uint_32(0) : png_uint_32(PNG_FORMAT_FLAG_COLOR)
    let written = png_image_write_to_file(&image, path, 0, pixels, png_int_32(width * channels), nil)
    guard written != 0 else {
      let reason = withUnsafeBytes(of: image.message) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
      throw WeirError(.io, where: path, "can't be written (\(reason)); check the folder")
    }
  }
}
