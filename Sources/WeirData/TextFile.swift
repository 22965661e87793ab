import Weir

extension InputFile {
  /// A UTF-8 text file, for example a recipe.
  ///
  /// - Throws: `WeirError.Code.io`, or `format` when it is no text or over 1 MiB.
  public static func text(_ path: String) throws(WeirError) -> String {
    let most = 1 << 20
    let bytes = try ByteReader(path).read(most + 1)
    guard bytes.count <= most, let text = String(validating: bytes, as: UTF8.self) else {
      throw WeirError(.format, where: path, "is not a text file of 1 MiB or less")
    }
    return text
  }
}
