import Weir

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

extension LabelSource {
  /// What to do about labels that are not there.
  static let remedy =
    "labels lie in member y of an .npz, beside IDX images, in a column named label, class, target or y, or in class folders; "
    + "else name their file (--labels, data.labels)"

  /// Whether labels beside the samples are wanted.
  var looksBeside: Bool { self == .ifAny || self == .beside }
}

extension InputFile {
  /// Labels from an input of their own: an array [n], or a table with a label column or with no column but one.
  static func separateLabels(_ path: String) throws(WeirError) -> SampleLabels {
    if TableFile.isTable(path) { return try TableFile(path).labels() }
    return try SampleLabels(read(path))
  }

  /// Labels that lie beside an .npz member or a file of images; nil where none are wanted, or none are there and none are needed.
  static func labels(beside path: String, _ source: LabelSource) throws(WeirError) -> SampleLabels? {
    guard source.looksBeside else { return nil }
    if let labels = try besideMember(path) { return labels }
    if let labels = try besideImages(path) { return labels }
    guard source == .ifAny else {
      throw WeirError(.argument, where: path, "has no labels beside it; \(LabelSource.remedy)")
    }
    return nil
  }

  /// Member `y` of the archive.
  private static func besideMember(_ path: String) throws(WeirError) -> SampleLabels? {
    guard let samples = NPZPath(path) ?? (path.hasSuffix(".npz") ? NPZPath(archive: path) : nil) else { return nil }
    let archive = try ZipArchive(samples.archive)
    guard archive.arrays.contains("y"), samples.member != "y" else { return nil }
    return try SampleLabels(readNPZ(NPZPath(archive: samples.archive, member: "y")))
  }

  /// `*-labels-idx1-ubyte` of `*-images-idx3-ubyte`, in the spelling of the file's own name and packed or not; `*labels.npy` of
  /// `*images.npy` alike.
  private static func besideImages(_ path: String) throws(WeirError) -> SampleLabels? {
    let folder = path.lastIndex(of: "/").map { path[...$0] } ?? ""
    let file = path.dropFirst(folder.count)
    let labels = file.replacing("images", with: "labels").replacing("idx3", with: "idx1")
    guard labels != file else { return nil }
    let packed = labels.hasSuffix(".gz") ? String(labels.dropLast(3)) : labels + ".gz"
    for name in [String(labels), packed] where access(folder + name, F_OK) == 0 {
      return try SampleLabels(read(folder + name))
    }
    return nil
  }
}
