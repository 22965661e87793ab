import Weir

/// Reads a data file of any known kind, told by its first bytes.
///
/// ```swift
/// let array = try InputFile.read("t10k-images-idx3-ubyte.gz")   // shape [10000, 28, 28], uint8
/// let input = try ModelInput(array, for: flow.info)
/// let nats = try session.score(input)
/// ```
public enum InputFile {
  static let supported = "an input is an IDX file (also .gz) or a .npy file"

  /// Reads `path`.
  ///
  /// - Throws: `WeirError` with code `io`, `format` or `unsupported`, which says what to do.
  public static func read(_ path: String) throws(WeirError) -> DataArray {
    if path.contains(".npz:") {
      throw WeirError(.unsupported, where: path, "is a member of an .npz, which can't be read; save it with numpy.save as .npy")
    }
    let reader = try ByteReader(path)
    let start = try reader.read(4)
    if start == Array("\u{93}NUMPY".unicodeScalars.prefix(4).map { UInt8($0.value) }) { return try readNPY(reader) }
    if start.count == 4, start[0] == 0, start[1] == 0, start[2] != 0 { return try readIDX(reader, magic: start) }
    throw WeirError(.unsupported, where: path, "is \(kind(start, path)); \(supported)")
  }

  private static func kind(_ start: [UInt8], _ path: String) -> String {
    if start.isEmpty { return "empty" }
    if start == [0x50, 0x4b, 0x03, 0x04] { return "a zip or .npz archive, which can't be read; save the array with numpy.save" }
    if start == [0x89, 0x50, 0x4e, 0x47] { return "a PNG picture, which can't be read; save the images as one uint8 .npy" }
    if path.hasSuffix(".csv") { return "a CSV file, which can't be read; save the table with numpy.save" }
    if path.hasSuffix(".safetensors") { return "a model, not data" }
    return "neither IDX nor .npy by its first bytes"
  }
}
