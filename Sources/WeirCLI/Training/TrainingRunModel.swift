import Weir
import WeirData
import WeirReport

/// What becomes of the weights: batch norm's statistics, validation, and the model file.
extension TrainingRun {
  /// How a validation ended.
  enum Validation {
    /// With these words, or nil when there was nothing to do.
    case done(String?)
    /// By a signal; it is as if it had not begun.
    case stopped
  }

  /// Scores the validation samples after an epoch, and writes the model when it is the best so far. Nothing without validation samples or
  /// when that was done.
  func validate() throws(WeirError) -> Validation {
    guard let validation = data.validation, state.validated < state.epoch else { return .done(nil) }
    let score = try withAverage { () throws(WeirError) -> ValidationScore? in
      guard try reestimateBatchNorm(), let score = try self.score(validation) else { return nil }
      if state.best.map({ score.isBetter(than: $0.score) }) ?? true {
        state.best = BestModel(epoch: state.epoch, score: score)
        try saveModel()
      }
      return score
    }
    guard let score else { return .stopped }
    state.validated = state.epoch
    return .done(verdict(score))
  }

  /// Epochs without a better validation score have used up the recipe's patience.
  var patienceIsOver: Bool {
    guard let patience = recipe.train.patience, let best = state.best else { return false }
    return state.epoch - best.epoch >= patience
  }

  /// The model of a run without validation: its last weights, or their average. False when a signal stopped it.
  func writeLastModel() throws(WeirError) -> Bool {
    try withAverage { () throws(WeirError) -> Bool in
      guard try reestimateBatchNorm() else { return false }
      try saveModel()
      return true
    }
  }

  /// What is to be said of the model file.
  var whichModel: String {
    guard let best = state.best else { return "" }
    let early = state.epoch < plan.epochs ? ", stopped early" : ""
    return " of epoch \(best.epoch), the best of \(state.epoch)\(early): validation \(plan.figure(-best.score.mean))"
  }

  /// Says what the validation samples say, and logs it.
  private func verdict(_ score: ValidationScore) -> String {
    let isBest = state.best?.epoch == state.epoch
    let lost = score.notFinite > 0 ? " (\(score.notFinite) without a finite score)" : ""
    let best = state.best.map { "\(plan.figure(-$0.score.mean)) in epoch \($0.epoch) is better" } ?? ""
    let rank = isBest ? "the best so far" : best
    files.log?.write(
      .object([
        ("step", .integer(step)), ("epoch", .integer(state.epoch)), ("validation_loss", .number(-score.mean)),
        ("validation_not_finite", .integer(score.notFinite)), ("best", .bool(isBest)),
      ]))
    return "validation \(plan.figure(-score.mean))\(lost) (\(rank))"
  }

  private func saveModel() throws(WeirError) {
    try trainer.saveModel(files.model, provenance: setup.provenance(recipe, trainer, state).text)
  }

  /// Runs `body` with the weights' moving average in the weights' place, when there is one.
  private func withAverage<Result>(_ body: () throws(WeirError) -> Result) throws(WeirError) -> Result {
    recipe.train.average > 0 ? try trainer.withAverage(body) : try body()
  }

  /// Pools batch norm's statistics over the first samples of an order of their own, each batch as training has them: with negative
  /// samples in it, when there are any. False when a signal stopped it.
  private func reestimateBatchNorm() throws(WeirError) -> Bool {
    let samples = min(recipe.train.batchNormReestimate, data.train.count)
    guard samples >= 2, setup.spec.hasBatchNorm else { return true }
    let order = EpochOrder(count: data.train.count, seed: recipe.train.seed, epoch: EpochOrder.reestimation).rows.map { Int($0) }
    var negatives = data.negative.map { NegativeOrder(count: $0.count, seed: recipe.train.seed) }
    try trainer.reestimateBatchNorm { (add) throws(WeirError) in
      var start = 0
      while samples - start >= 2, !StopSignal.isRequested {
        let count = min(plan.batch, samples - start)
        let batch = fill(Array(order[start..<start + count]), of: data.train)
        if let negative = data.negative, let rows = negatives?.rows(step: start / plan.batch, batch: plan.batch) {
          let outside = fill(Array(rows.prefix(count)), of: negative, from: count)
          try add(UnsafeBufferPointer(start: batch.baseAddress, count: batch.count + outside.count))
        } else {
          try add(batch)
        }
        start += count
        Console.show("batch norm: statistics over \(NumberText.grouped(start)) of \(NumberText.grouped(samples)) \(plan.noun)")
      }
    }
    Console.clear()
    return !StopSignal.isRequested
  }

  /// nil when a signal came.
  private func score(_ input: ModelInput) throws(WeirError) -> ValidationScore? {
    var scores: [Double] = []
    while scores.count < input.count {
      if StopSignal.isRequested { return nil }
      let rows = scores.count..<min(scores.count + setup.options.batch, input.count)
      scores += try trainer.evaluate(fill(Array(rows), of: input))
      Console.show("validation: \(NumberText.grouped(scores.count)) of \(NumberText.grouped(input.count)) scored")
    }
    Console.clear()
    return ValidationScore(scores)
  }
}

extension FlowSpec {
  /// Whether any network normalises by batch statistics.
  fileprivate var hasBatchNorm: Bool {
    steps.contains { step in
      if case .coupling(let coupling) = step, case .resnet(let net) = coupling.net { net.batchNorm } else { false }
    }
  }
}

extension EpochOrder {
  /// Orders that are no epoch's, by the number in its place.
  static let reestimation = -1
  static let split = -2
}
