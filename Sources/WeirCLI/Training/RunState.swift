import Weir

/// Where a run stands, kept as text in its checkpoint: the position, and what must be the same for a bit-identical continuation.
struct RunState: Equatable {
  /// Epochs done.
  var epoch: Int
  /// Batches of the current epoch done.
  var position: Int
  /// What the run depends on, by name.
  var conditions: [Condition]

  struct Condition: Equatable {
    var name: String
    var value: String
  }

  init(epoch: Int, position: Int, conditions: [Condition]) {
    self.epoch = epoch
    self.position = position
    self.conditions = conditions
  }

  var text: String {
    var lines = ["weir-run 1", "epoch \(epoch)", "position \(position)"]
    lines += conditions.map { "\($0.name) \($0.value)" }
    return lines.joined(separator: "\n")
  }

  init?(_ text: String) {
    let lines = text.split(separator: "\n").map { line in
      let words = line.split(separator: " ", maxSplits: 1, omittingEmptySubsequences: false)
      return Condition(name: String(words[0]), value: words.count > 1 ? String(words[1]) : "")
    }
    guard
      lines.count >= 3, lines[0] == Condition(name: "weir-run", value: "1"),
      lines[1].name == "epoch", let epoch = Int(lines[1].value),
      lines[2].name == "position", let position = Int(lines[2].value), epoch >= 0, position >= 0
    else { return nil }
    self.init(epoch: epoch, position: position, conditions: Array(lines[3...]))
  }

  /// The first condition in which another run differs, as "name is A here and B there"; nil for none.
  func difference(from other: [Condition]) -> String? {
    for condition in other {
      let mine = conditions.first { $0.name == condition.name }?.value ?? "not set"
      if mine != condition.value { return "\(condition.name) is \(mine) there and \(condition.value) here" }
    }
    return nil
  }
}
