import Weir

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// Reads data of any known kind: a folder of pictures, a table by its ending, anything else by its first bytes.
///
/// ```swift
/// let array = try InputFile.read("t10k-images-idx3-ubyte.gz")   // shape [10000, 28, 28], uint8
/// let input = try ModelInput(array, for: flow.info)
/// let nats = try session.score(input)
///
/// let samples = try InputFile.samples(LabelledInput("magic.npz:X@0"))   // only the samples of class 0
/// ```
public enum InputFile {
  static let supported =
    "an input is a .npy file, an .npz:member, an IDX file (also .gz), a .csv table or a folder of PNG or JPEG pictures"

  /// Reads the array at `path`, without labels.
  ///
  /// - Throws: `WeirError` with code `io`, `format` or `unsupported`, which says what to do.
  public static func read(_ path: String) throws(WeirError) -> DataArray {
    try contents(path, .ignored, resize: nil).array
  }

  /// Reads an input: its samples, and the labels and the choice of classes that `options` and its own `[a:b]` and `@CLASS` ask for.
  ///
  /// - Throws: `WeirError` with code `io`, `format`, `unsupported`, `shape` or `argument`, which says what to do.
  public static func samples(
    _ input: LabelledInput, _ options: ReadingOptions = ReadingOptions()
  ) throws(WeirError) -> LabelledSamples {
    guard input.classes.isEmpty || options.classes.isEmpty else {
      throw WeirError(.argument, where: input.path, "has classes after its @ and classes by option; leave one of them out")
    }
    let classes = input.classes + options.classes
    var source = options.labels
    if !classes.isEmpty, source == .ignored || source == .ifAny { source = .beside }
    let found = try contents(input.path, source, resize: options.resize)
    var labels = found.labels
    if case .input(let path) = source { labels = try separateLabels(path) }
    var samples = try LabelledSamples(found.array, labels: labels)
    if let range = input.range { samples = try samples.selecting(range) }
    return classes.isEmpty ? samples : try samples.selecting(classes: classes)
  }

  /// What an input holds: the array, and the labels beside it where `source` asks for these.
  private static func contents(
    _ path: String, _ source: LabelSource, resize: PictureSize?
  ) throws(WeirError) -> (array: DataArray, labels: SampleLabels?) {
    var status = stat()
    if !path.isEmpty, stat(path, &status) == 0, status.st_mode & S_IFMT == S_IFDIR {
      return try PictureFolder(path).read(source, resize: resize)
    }
    guard resize == nil else {
      throw WeirError(.argument, where: path, "is not a folder of pictures, and only these are resized; leave out the size")
    }
    if TableFile.isTable(path) { return try TableFile(path).samples(source) }
    let array: DataArray
    if let member = NPZPath(path) { array = try readNPZ(member) } else { array = try plain(path) }
    return (array, try labels(beside: path, source))
  }

  /// A file that its first bytes tell.
  private static func plain(_ path: String) throws(WeirError) -> DataArray {
    let reader = try ByteReader(path)
    let start = try reader.read(4)
    if start == Array("\u{93}NUMPY".unicodeScalars.prefix(4).map { UInt8($0.value) }) { return try readNPY(reader) }
    if start.count == 4, start[0] == 0, start[1] == 0, start[2] != 0 { return try readIDX(reader, magic: start) }
    if start == [0x50, 0x4b, 0x03, 0x04] { return try readNPZ(NPZPath(archive: path)) }
    throw WeirError(.unsupported, where: path, "is \(kind(start, path)); \(supported)")
  }

  private static func kind(_ start: [UInt8], _ path: String) -> String {
    if start.isEmpty { return "empty" }
    if start == [0x89, 0x50, 0x4e, 0x47] { return "a single PNG picture; give the folder it lies in" }
    if start.starts(with: [0xff, 0xd8, 0xff]) { return "a single JPEG picture; give the folder it lies in" }
    if path.hasSuffix(".safetensors") { return "a model, not data" }
    return "no kind of data that its first bytes or its ending tell"
  }
}
