import CPNG
import Weir

extension PixelImage {
  /// The most pixels that a picture may claim before memory is taken for it.
  static let mostPixels = 1 << 27

  /// Reads a PNG: grey or RGB; palettes become RGB, grey of 1, 2 and 4 bits is spread over 0..255. Values are the file's own: gamma and
  /// colour profiles are left aside, as numpy users know it.
  ///
  /// - Throws: `WeirError.Code.format` for a broken file, `unsupported` for 16 bits and for pixels that are not opaque.
  init(png file: [UInt8], path: String) throws(WeirError) {
    let bytes = try Self.withoutColourSpace(file, path)
    var image = png_image()
    image.version = png_uint_32(PNG_IMAGE_VERSION)
    defer { png_image_free(&image) }
    // The bytes must stay in place from the one call to the other.
    let pixels = try bytes.withUnsafeBufferPointer { bytes throws(WeirError) in
      guard png_image_begin_read_from_memory(&image, bytes.baseAddress!, bytes.count) != 0 else {
        throw Self.brokenPNG(image, path)
      }
      return try Self.pixels(&image, path)
    }
    let channels = image.format & PNG_FORMAT_FLAG_COLOR != 0 ? 3 : 1
    self.init(width: Int(image.width), height: Int(image.height), channels: channels)
    self.pixels = image.format & PNG_FORMAT_FLAG_ALPHA != 0 ? try Self.opaque(pixels, channels, path) : pixels
  }

  private static func pixels(_ image: inout png_image, _ path: String) throws(WeirError) -> [UInt8] {
    guard image.format & PNG_FORMAT_FLAG_LINEAR == 0 else {
      throw WeirError(.unsupported, where: path, "has 16 bits a channel; save it with 8")
    }
    guard Int(image.width) * Int(image.height) <= mostPixels else {
      throw WeirError(
        .unsupported, where: path, "claims \(image.width) x \(image.height) pixels, more than are read of one picture")
    }
    image.format &= PNG_FORMAT_FLAG_COLOR | PNG_FORMAT_FLAG_ALPHA
    let channels = (image.format & PNG_FORMAT_FLAG_COLOR != 0 ? 3 : 1) + (image.format & PNG_FORMAT_FLAG_ALPHA != 0 ? 1 : 0)
    var pixels = [UInt8](repeating: 0, count: Int(image.width) * Int(image.height) * channels)
    guard png_image_finish_read(&image, nil, &pixels, png_int_32(Int(image.width) * channels), nil) != 0 else {
      throw brokenPNG(image, path)
    }
    return pixels
  }

  /// Drops the last channel, whose values must all be 255.
  private static func opaque(_ pixels: [UInt8], _ channels: Int, _ path: String) throws(WeirError) -> [UInt8] {
    var colours: [UInt8] = []
    colours.reserveCapacity(pixels.count / (channels + 1) * channels)
    for start in stride(from: 0, to: pixels.count, by: channels + 1) {
      guard pixels[start + channels] == 255 else {
        throw WeirError(.unsupported, where: path, "has transparent pixels; put it on a background first")
      }
      colours.append(contentsOf: pixels[start..<start + channels])
    }
    return colours
  }

  /// The file without the chunks by which libpng would change values, up to its end chunk.
  private static func withoutColourSpace(_ file: [UInt8], _ path: String) throws(WeirError) -> [UInt8] {
    let dropped = ["gAMA", "cHRM", "sRGB", "iCCP"].map { Array($0.utf8) }
    var kept = Array(file.prefix(8))
    var at = 8
    while at + 12 <= file.count {
      let length = file[at..<at + 4].reduce(0) { $0 << 8 | Int($1) }
      guard length <= file.count - at - 12 else { break }
      let chunk = file[at..<at + 12 + length]
      let type = Array(file[at + 4..<at + 8])
      if !dropped.contains(type) { kept.append(contentsOf: chunk) }
      if type == Array("IEND".utf8) { return kept }
      at += chunk.count
    }
    throw WeirError(.format, where: path, "is a PNG that is cut short; get it again, or remove it")
  }

  private static func brokenPNG(_ image: png_image, _ path: String) -> WeirError {
    let reason = withUnsafeBytes(of: image.message) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
    return WeirError(.format, where: path, "is a broken PNG (\(reason)); get it again, or remove it")
  }
}
