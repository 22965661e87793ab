import Testing
import WeirDetection

@Suite struct DetectionMetricsTests {
  /// Few levels, so that most scores are tied, and now and then -infinity.
  private func scores(_ count: Int, levels: Int, shift: Int, _ generator: inout SystemRandomNumberGenerator) -> [Double] {
    (0..<count).map { _ in
      let level = Int.random(in: 0..<levels, using: &generator)
      return level == 0 ? -.infinity : Double(level + shift)
    }
  }

  @Test func agreesWithBruteForce() throws {
    var generator = SystemRandomNumberGenerator()
    for trial in 0..<200 {
      let levels = [2, 5, 1000][trial % 3]
      let ins = scores(1 + trial % 37, levels: levels, shift: trial % 4, &generator)
      let outs = scores(1 + trial % 23, levels: levels, shift: 0, &generator)
      let metrics = try DetectionMetrics(inDistribution: ins, outOfDistribution: outs)
      #expect(abs(metrics.auroc - auroc(ins, outs)) < 1e-12)
      #expect(abs(metrics.auprIn - averagePrecision(ins, outs)) < 1e-12)
      #expect(abs(metrics.auprOut - averagePrecision(outs.map { -$0 }, ins.map { -$0 })) < 1e-12)
      #expect(abs(metrics.fpr95 - fpr95(ins, outs)) < 1e-12)
    }
  }

  private func auroc(_ ins: [Double], _ outs: [Double]) -> Double {
    var wins = 0.0
    for a in ins { for b in outs { wins += a > b ? 1 : a == b ? 0.5 : 0 } }
    return wins / Double(ins.count * outs.count)
  }

  private func averagePrecision(_ positives: [Double], _ negatives: [Double]) -> Double {
    var (area, recall) = (0.0, 0.0)
    for threshold in Set(positives + negatives).sorted(by: >) {
      let hits = Double(positives.count { $0 >= threshold })
      let alarms = Double(negatives.count { $0 >= threshold })
      area += (hits / Double(positives.count) - recall) * hits / (hits + alarms)
      recall = hits / Double(positives.count)
    }
    return area
  }

  private func fpr95(_ ins: [Double], _ outs: [Double]) -> Double {
    for threshold in Set(ins + outs).sorted(by: >) where 100 * ins.count(where: { $0 >= threshold }) >= 95 * ins.count {
      return Double(outs.count { $0 >= threshold }) / Double(outs.count)
    }
    return 1
  }

  @Test func knownCases() throws {
    let apart = try DetectionMetrics(inDistribution: [3, 4, 5], outOfDistribution: [0, 1])
    #expect(apart == apart)
    #expect(apart.auroc == 1 && apart.auprIn == 1 && apart.auprOut == 1 && apart.fpr95 == 0)
    let reversed = try DetectionMetrics(inDistribution: [0, 1], outOfDistribution: [3, 4, 5])
    #expect(reversed.auroc == 0 && reversed.fpr95 == 1)
    let same = try DetectionMetrics(inDistribution: [1, 1], outOfDistribution: [1, 1])
    #expect(same.auroc == 0.5 && same.auprIn == 0.5 && same.fpr95 == 1)
  }

  @Test func whatCanNotBeScoredNeverCountsAsNormal() throws {
    let metrics = try DetectionMetrics(inDistribution: [1, 2], outOfDistribution: [.nan, -.infinity])
    #expect(metrics.auroc == 1)
  }

  @Test func emptySetsAreRefused() {
    expectError(.argument, "at least one score") { try DetectionMetrics(inDistribution: [], outOfDistribution: [1]) }
  }

  @Test func summaries() {
    let summary = ScoreSummary([1, 2, 3, -.infinity])
    #expect(summary.count == 4 && summary.notFinite == 1)
    #expect(summary.mean == 2 && summary.median == 1.5)
    #expect(abs(summary.deviation - (2.0 / 3).squareRoot()) < 1e-15)
    #expect(ScoreSummary([-2, -4], unit: { -$0 }).median == 3)
    #expect(ScoreSummary([]).mean.isNaN)
  }
}
