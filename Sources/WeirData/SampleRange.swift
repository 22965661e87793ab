import Weir

/// A stretch of an input's samples: `[a:b]` at its end means samples a to b - 1, counted from 0. Either may be left out.
public struct SampleRange: Sendable, Hashable {
  /// The first sample.
  public let start: Int
  /// The sample after the last; nil for the end of the input.
  public let end: Int?

  /// A stretch from `start` to before `end`.
  public init(start: Int, end: Int?) {
    self.start = start
    self.end = end
  }

  /// Cuts `[a:b]` off the end of an input's name; nil when there is none, and then a "[" is part of the path.
  static func split(_ text: String) -> (path: String, range: SampleRange)? {
    guard let match = text.wholeMatch(of: /(.+)\[([0-9]{0,18}):([0-9]{0,18})\]/) else { return nil }
    let (start, end) = (match.output.2, match.output.3)
    return (String(match.output.1), SampleRange(start: Int(start) ?? 0, end: Int(end)))
  }

  /// As it is written.
  var text: String { "[\(start):\(end.map(String.init) ?? "")]" }
}

extension LabelledSamples {
  /// Only the samples of this stretch.
  ///
  /// - Throws: `WeirError.Code.argument` when the input has not so many, or the stretch is empty.
  func selecting(_ range: SampleRange) throws(WeirError) -> LabelledSamples {
    let end = range.end ?? count
    guard range.start < end, end <= count else {
      let asks = range.end.map { $0 <= range.start } ?? false ? "is none of them" : "asks for others"
      throw WeirError(
        .argument, where: array.source,
        "has \(count) samples, and \(range.text) \(asks); [a:b] is samples a to b - 1, from 0")
    }
    return keeping(places: range.start..<end)
  }
}
