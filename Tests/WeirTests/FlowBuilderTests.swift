import Testing
import Weir

@Suite struct FlowBuilderTests {
  /// The presets are descriptions like any other: written out step by step they are the same.
  @Test func presetsByHand() throws {
    let net = ResNet(channels: 8, blocks: 2)
    let realnvp = FlowSpec(image: [1, 28, 28]) {
      Dequantize()
      Logit()
      for reversed in [false, true, false] { Coupling(.checkerboard(reversed: reversed), net) }
      Squeeze()
      for reversed in [false, true, false] { Coupling(.channel(reversed: reversed), ResNet(channels: 16, blocks: 2)) }
      FactorOut(keep: 2)
      for index in 0..<4 { Coupling(.checkerboard(reversed: index % 2 == 1), ResNet(channels: 16, blocks: 2)) }
    }
    #expect(try FlowSpec.realnvp(shape: [1, 28, 28], scales: 2, net: net) == realnvp)

    let glow = FlowSpec(image: [3, 32, 32], prior: .learnedNormal) {
      Dequantize()
      Logit()
      for scale in 1...3 {
        Squeeze()
        Repeat(4) {
          ActNorm()
          Conv1x1()
          Coupling(.channel(), Highway(channels: 32, blocks: 3))
        }
        if scale < 3 { FactorOut(keep: [6, 12][scale - 1]) }
      }
    }
    let preset = try FlowSpec.glow(
      shape: [3, 32, 32], scales: 3, stepsPerScale: 4, net: Highway(channels: 32, blocks: 3), prior: .learnedNormal)
    #expect(preset == glow)
    let oneScale = try FlowSpec.glow(
      shape: [3, 32, 32], scales: 3, stepsPerScale: 4, multiScale: false, net: Highway(channels: 32, blocks: 3))
    #expect(oneScale.steps == glow.steps.filter { if case .factorOut = $0 { false } else { true } })

    let table = FlowSpec(dims: 10) {
      Scaling.whiten
      Coupling(.tabular(), MLP(hidden: 16, layers: 1, dropout: 0.5))
      Coupling(.tabular(reversed: true), MLP(hidden: 16, layers: 1, dropout: 0.5))
    }
    #expect(try FlowSpec.tabular(dims: 10, couplings: 2, hidden: 16, layers: 1, dropout: 0.5, scaling: .whiten) == table)
    #expect(table.levels == 0 && table.steps.prefix(3) == [.affine, .rotation, .affine])
  }

  @Test func everyWayOfWritingSteps() {
    func spec(_ reversed: Bool, _ order: [Int]?) -> FlowSpec {
      FlowSpec(dims: 4, prior: .gaussianMixture(components: 2)) {
        if reversed { Reverse() } else { FlowStep.actNorm }
        if let order { Permute(order) }
        switch order?.count {
        case 4: Conv1x1(trainable: false)
        default: Rotation()
        }
        [1, 2].map { _ in Affine() }
        [Coupling(.tabular(), MLP(hidden: 4, layers: 0))]
        Repeat(0) { Squeeze() }
      }
    }
    let coupling = FlowStep.coupling(Coupling(mask: .tabular(), net: .mlp(hidden: 4, layers: 0)))
    let order = [3, 1, 0, 2]
    #expect(spec(true, order).steps == [.reverse, .permute(order), .conv1x1(trainable: false), .affine, .affine, coupling])
    #expect(spec(false, nil).steps == [.actNorm, .rotation, .affine, .affine, coupling])
    #expect(spec(true, nil).prior == .gaussianMixture(components: 2, trainable: true))
  }

  @Test func couplingsFitNetsToMasks() {
    let net = ResNet(channels: 4, blocks: 1)
    #expect(Coupling(.checkerboard(), net).net == .resnet(net.under(.checkerboard())))
    #expect(Coupling(.checkerboard(), CouplingNet.resnet(net)).net == Coupling(.checkerboard(), net).net)
    #expect(Coupling(mask: .checkerboard(), net: .resnet(net)).net == .resnet(net))
    #expect(Coupling(.channel(), Highway(channels: 4, blocks: 1), .additive).transform == .additive)
  }

  /// Flows of the article DescribingAFlow, narrower: what it shows, the engine builds.
  @Test func theArticlesFlows() throws {
    let image = FlowSpec(image: [1, 28, 28], prior: .learnedNormal) {
      Dequantize()
      Logit()
      for reversed in [false, true, false] { Coupling(.checkerboard(reversed: reversed), ResNet(channels: 8, blocks: 2)) }
      Squeeze()
      Repeat(4) {
        ActNorm()
        Conv1x1()
        Coupling(.channel(), Highway(channels: 32, blocks: 3))
      }
      FactorOut(keep: 2)
      Coupling(.cycle(from: 0, to: 1), ConvNet(channels: 32, blocks: 2), .additive)
    }
    let table = FlowSpec(dims: 10) {
      Scaling.standard
      for index in 0..<6 { Coupling(.tabular(reversed: index % 2 == 1), MLP(hidden: 16, layers: 1)) }
    }
    let presets = [
      try FlowSpec.cycle(shape: [1, 28, 28], net: ResNet(channels: 8, blocks: 2, latent: 50)),
      try .tabular(dims: 21, dropout: 0.1, scaling: .standard, prior: .gaussianMixture(components: 2)),
    ]
    var options = TrainerOptions()
    options.batch = 2
    options.memoryBudget = 0
    for spec in [image, table] + presets {
      let trainer = try Trainer.create(spec, options: options)
      #expect(trainer.dims == spec.shape.reduce(1, *))
    }
    let odd = FlowSpec(image: [1, 28, 28]) {
      Dequantize()
      Logit()
      Squeeze()
      Coupling(.channel(), GlowNet(channels: 4))
      FactorOut(keep: 1)
      Coupling(.channel(), GlowNet(channels: 4))
    }
    expectError(.spec, "steps.5.mask: the channel mask does not fit 1 x 14 x 14") { try Trainer.create(odd, options: options) }
  }
}
