/// How an input is to be read.
public struct ReadingOptions: Sendable, Hashable {
  /// Where labels come from. Choosing classes reads those that lie beside the samples, if nothing else is said.
  public var labels = LabelSource.ignored
  /// Only the samples with these labels; empty for all. An input's own `@CLASS` does the same.
  public var classes: [Int] = []
  /// The size that pictures of a folder are brought to; nil keeps theirs, and they must agree.
  public var resize: PictureSize?

  /// Everything as it lies in the file, without labels.
  public init() {}
}

/// Height and width of a picture, in that order everywhere.
public struct PictureSize: Sendable, Hashable, CustomStringConvertible {
  /// Rows.
  public let height: Int
  /// Pixels in a row.
  public let width: Int

  /// The most that a side may have.
  public static let most = 1 << 14

  /// nil when a side is not 1 to ``most``.
  public init?(height: Int, width: Int) {
    guard (1...Self.most).contains(height), (1...Self.most).contains(width) else { return nil }
    self.height = height
    self.width = width
  }

  /// "HxW"
  public var description: String { "\(height)x\(width)" }
}
