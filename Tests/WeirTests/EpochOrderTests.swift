import Testing
import Weir
import WeirData

@Suite struct EpochOrderTests {
  @Test(arguments: [0, 1, 2, 1000]) func isAPermutation(_ count: Int) {
    #expect(EpochOrder(count: count, seed: 3, epoch: 5).rows.sorted() == (0..<UInt32(count)).map { $0 })
  }

  @Test func dependsOnSeedAndEpochAlone() {
    let order = EpochOrder(count: 100, seed: 1, epoch: 2).rows
    #expect(order == EpochOrder(count: 100, seed: 1, epoch: 2).rows)
    #expect(order != EpochOrder(count: 100, seed: 1, epoch: 3).rows)
    #expect(order != EpochOrder(count: 100, seed: 2, epoch: 2).rows)
    #expect(order != EpochOrder(count: 100, seed: 1, epoch: -1).rows)
  }

  /// Every sample should be in every place about equally often: chi-square over 8 x 8 cells, 49 degrees of freedom.
  @Test func isUniform() {
    var cells = [[Double]](repeating: [Double](repeating: 0, count: 8), count: 8)
    let trials = 8000
    for epoch in 0..<trials {
      for (place, row) in EpochOrder(count: 8, seed: 7, epoch: epoch).rows.enumerated() { cells[place][Int(row)] += 1 }
    }
    let expected = Double(trials) / 8
    let statistic = cells.joined().reduce(0) { $0 + ($1 - expected) * ($1 - expected) / expected }
    #expect(statistic < 95)
  }

  @Test func schedules() {
    let cosine = LearningRateSchedule(rate: 1, warmup: 10, shape: .cosine(final: 0.1), steps: 110)
    #expect(abs(cosine.rate(at: 0) - 0.1) < 1e-15)
    #expect(cosine.rate(at: 10) == 1)
    #expect(abs(cosine.rate(at: 109) - 0.1) < 1e-12)
    let linear = LearningRateSchedule(rate: 2, shape: .linear(final: 0), steps: 101)
    #expect(abs(linear.rate(at: 50) - 1) < 1e-12)
    let drops = LearningRateSchedule(rate: 1, shape: .drops(at: [10, 20], factor: 0.5), steps: 30)
    #expect([9, 10, 19, 20].map { drops.rate(at: $0) } == [1, 0.5, 0.5, 0.25])
    #expect(LearningRateSchedule(rate: 3, steps: 1).rate(at: 0) == 3)
  }
}
