/// An input as it is named on a command line: `NAME=PATH`, or a path, which is then its own name without folder and ending.
public struct LabelledInput: Sendable, Hashable {
  /// The label: what stands before `=`, or the file's name.
  public let name: String
  /// The file.
  public let path: String

  /// Reads `NAME=PATH` or `PATH`. A "/" before the first "=" makes it a path.
  public init(_ text: String) {
    if let equals = text.firstIndex(of: "="), equals > text.startIndex, !text[..<equals].contains("/") {
      name = String(text[..<equals])
      path = String(text[text.index(after: equals)...])
      return
    }
    var stem = text.split(separator: "/").last.map(String.init) ?? text
    for ending in [".gz", ".npy", ".idx"] where stem.hasSuffix(ending) && stem.count > ending.count {
      stem.removeLast(ending.count)
    }
    name = stem
    path = text
  }
}
