import Weir

/// Where a run stands, kept as text in its checkpoint: the position, what has been found so far, and what must be the same for a
/// bit-identical continuation.
struct RunState: Equatable {
  /// Epochs done.
  var epoch = 0
  /// Batches of the current epoch done.
  var position = 0
  /// Epochs after which the validation set was scored.
  var validated = 0
  /// nil before the first validation, and without any.
  var best: BestModel?
  var skipped = SkippedSteps()
  /// The last step's rate in units of the schedule's: less than 1 after the guard lowered it.
  var rateFactor = 1.0
  /// What the run depends on, by name.
  var conditions: [Condition]

  struct Condition: Equatable {
    var name: String
    var value: String
  }

  init(conditions: [Condition]) { self.conditions = conditions }

  var text: String {
    var lines = ["weir-run 2", "epoch \(epoch)", "position \(position)", "validated \(validated)"]
    lines += best.map { ["best \($0.epoch) \($0.score.notFinite) \($0.score.mean)"] } ?? []
    lines.append("rate_factor \(rateFactor)")
    lines += skipped.places.map { "skipped \($0.count) \($0.first) \($0.last) \($0.name)" }
    lines.append("conditions")
    lines += conditions.map { "\($0.name) \($0.value)" }
    return lines.joined(separator: "\n")
  }

  /// nil for text that is none.
  init?(_ text: String) {
    let lines = text.split(separator: "\n").map(Line.init)
    guard lines.first == Line("weir-run 2"), let end = lines.firstIndex(of: Line("conditions")) else { return nil }
    conditions = lines[(end + 1)...].map { Condition(name: $0.name, value: $0.value) }
    let known = lines[1..<end]
    func number(_ name: String) -> Int? { known.first { $0.name == name }.flatMap { Int($0.value) }.flatMap { $0 >= 0 ? $0 : nil } }
    guard
      let epoch = number("epoch"), let position = number("position"), let validated = number("validated"), validated <= epoch,
      let factor = known.first(where: { $0.name == "rate_factor" }).flatMap({ Double($0.value) }), factor.isFinite
    else { return nil }
    (self.epoch, self.position, self.validated, rateFactor) = (epoch, position, validated, factor)
    if let line = known.first(where: { $0.name == "best" }) {
      let words = line.value.split(separator: " ")
      guard words.count == 3, let at = Int(words[0]), let notFinite = Int(words[1]), let mean = Double(words[2]) else { return nil }
      best = BestModel(epoch: at, score: ValidationScore(notFinite: notFinite, mean: mean))
    }
    var places: [SkippedSteps.Place] = []
    for line in known where line.name == "skipped" {
      let words = line.value.split(separator: " ", maxSplits: 3)
      guard words.count == 4, let count = Int(words[0]), let first = Int(words[1]), let last = Int(words[2]) else { return nil }
      places.append(SkippedSteps.Place(name: String(words[3]), count: count, first: first, last: last))
    }
    skipped = SkippedSteps(places: places)
  }

  private struct Line: Equatable {
    let name: String
    let value: String

    init(_ text: some StringProtocol) {
      let words = text.split(separator: " ", maxSplits: 1, omittingEmptySubsequences: false)
      name = String(words[0])
      value = words.count > 1 ? String(words[1]) : ""
    }
  }

  /// The first condition in which another run differs, as "name is A there and B here"; nil for none.
  func difference(from other: [Condition]) -> String? {
    func value(_ name: String, _ list: [Condition]) -> String { list.first { $0.name == name }?.value ?? "not set" }
    for name in (other + conditions).map(\.name) {
      let (mine, others) = (value(name, conditions), value(name, other))
      if mine != others {
        let start = mine.count + others.count > 200 ? zip(mine, others).prefix { $0 == $1 }.count : nil
        return "\(name) is \(Self.excerpt(mine, start)) there and \(Self.excerpt(others, start)) here"
      }
    }
    return nil
  }

  /// What stands around place `start` of a text too long for one line; the whole text when that is nil.
  private static func excerpt(_ text: String, _ start: Int?) -> String {
    guard let start else { return text }
    let (before, most) = (max(0, start - 40), 100)
    let part = text.dropFirst(before).prefix(most)
    return (before > 0 ? "..." : "") + part + (before + most < text.count ? "..." : "")
  }
}
