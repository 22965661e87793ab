/// An input as it is named on a command line: `PATH` or `NAME=PATH`. `[a:b]` at its end means only samples a to b - 1, and `@CLASS` after
/// that only those with these labels: `magic.npz:X@0`, `digits.npy@0,2`, `digits.npy[0:5000]@3`.
public struct LabelledInput: Sendable, Hashable {
  /// The label: what stands before `=`, or the file's name without folder and ending, with its stretch and classes.
  public let name: String
  /// The file or the folder, for an .npz with its member.
  public let path: String
  /// The samples between `[` and `]`; nil for all.
  public let range: SampleRange?
  /// The classes after `@`; empty for all.
  public let classes: [Int]

  /// Reads `NAME=PATH[a:b]@CLASS`, of which only the path must be there. A "/" before the first "=" makes it a path.
  public init(_ text: String) {
    let (unclassed, classes) = Self.splitClasses(text)
    let (whole, range) = SampleRange.split(unclassed).map { ($0.path, $0.range) } ?? (unclassed, nil)
    self.classes = classes
    self.range = range
    if let equals = whole.firstIndex(of: "="), equals > whole.startIndex, !whole[..<equals].contains("/") {
      name = String(whole[..<equals])
      path = String(whole[whole.index(after: equals)...])
      return
    }
    path = whole
    let suffix = classes.isEmpty ? "" : "@" + classes.map(String.init).joined(separator: ",")
    name = Self.stem(of: whole) + (range?.text ?? "") + suffix
  }

  /// The file's name without its folder and its ending: "X" of "a/X.npy", "magic:X" of "a/magic.npz:X".
  private static func stem(of path: String) -> String {
    let file = path.split(separator: "/").last.map(String.init) ?? path
    if file.contains(".npz:") { return file.replacing(".npz:", with: ":") }
    var stem = file
    for ending in [".gz", ".npy", ".npz", ".idx", ".csv", ".tsv"] where stem.hasSuffix(ending) && stem.count > ending.count {
      stem.removeLast(ending.count)
    }
    return stem
  }

  /// Cuts off `@CLASS` or `@CLASS,CLASS`; an "@" before anything else is part of the path.
  private static func splitClasses(_ text: String) -> (path: String, classes: [Int]) {
    guard let at = text.lastIndex(of: "@"), at > text.startIndex else { return (text, []) }
    let words = text[text.index(after: at)...].split(separator: ",", omittingEmptySubsequences: false)
    let classes = words.compactMap { word in word.first?.isASCII == true && word.first != "+" ? Int32(word).map { Int($0) } : nil }
    return classes.count == words.count ? (String(text[..<at]), classes) : (text, [])
  }
}
