import CTurboJPEG
import Weir

extension PixelImage {
  /// Reads a JPEG: grey, or RGB from any subsampling. Turned as it is stored: the orientation that a camera notes is left aside.
  ///
  /// - Throws: `WeirError.Code.format` for a broken file, also one of which only a part can be read; `unsupported` for CMYK.
  init(jpeg file: [UInt8], path: String) throws(WeirError) {
    guard let decoder = tjInitDecompress() else {
      throw WeirError(.memory, where: path, "can't be read: there is no memory for a JPEG decoder")
    }
    defer { tjDestroy(decoder) }
    func broken() -> WeirError {
      WeirError(
        .format, where: path, "is a broken JPEG (\(String(cString: tjGetErrorStr2(decoder)))); get it again, or remove it")
    }
    var (width, height, subsampling, space) = (Int32(0), Int32(0), Int32(0), Int32(0))
    let size = UInt(file.count)
    guard tjDecompressHeader3(decoder, file, size, &width, &height, &subsampling, &space) == 0 else { throw broken() }
    guard width > 0, height > 0 else {
      throw WeirError(.format, where: path, "is a JPEG that is cut short; get it again, or remove it")
    }
    guard space != TJCS_CMYK.rawValue, space != TJCS_YCCK.rawValue else {
      throw WeirError(.unsupported, where: path, "has CMYK colours; save it as RGB")
    }
    guard Int(width) * Int(height) <= Self.mostPixels else {
      throw WeirError(.unsupported, where: path, "claims \(width) x \(height) pixels, more than are read of one picture")
    }
    let isGrey = space == TJCS_GRAY.rawValue
    self.init(width: Int(width), height: Int(height), channels: isGrey ? 1 : 3)
    let format = isGrey ? TJPF_GRAY : TJPF_RGB
    let flags = TJFLAG_ACCURATEDCT | TJFLAG_LIMITSCANS
    guard tjDecompress2(decoder, file, size, &pixels, width, 0, height, Int32(format.rawValue), flags) == 0 else { throw broken() }
  }
}
