import Foundation
import Testing
import Weir
import WeirData

/// `flow:` as the command reads it: what is refused with the recipe's line and a remedy, and that what is not refused trains.
@Suite struct FlowRecipeTests {
  private let folder: TemporaryFolder

  init() throws {
    folder = try TemporaryFolder()
    try OutputFile.writeNPY(SmallFlows.pictures(16), shape: [16, 8, 8], to: folder("pictures.npy"))
    try OutputFile.writeNPY(SmallFlows.rows(16), shape: [16, 5], to: folder("rows.npy"))
  }

  /// Trains a step; `flow` begins on line 3 of the recipe.
  private func train(_ flow: String, on data: String) throws -> CommandLineTool.Result {
    let text = "data: {train: \(folder(data))}\nflow:\n\(flow)\ntrain: {epochs: 1, batch: 16, learning_rate: 1e-4, threads: 1}\n"
    return try CommandLineTool.run("train", folder.write(text, "r.yaml"), "--output", folder("m"))
  }

  private func expectRefused(
    _ flow: String, line: Int, _ text: String, on data: String = "pictures.npy", sourceLocation: SourceLocation = #_sourceLocation
  ) throws {
    let result = try train(flow, on: data)
    #expect(result.status == 1, sourceLocation: sourceLocation)
    #expect(result.errors.split(separator: "\n").count == 1, "\(result.errors)", sourceLocation: sourceLocation)
    #expect(result.errors.contains("r.yaml:\(line): "), "\(result.errors)", sourceLocation: sourceLocation)
    #expect(result.errors.contains(text), "\(result.errors)", sourceLocation: sourceLocation)
  }

  /// The steps of the model that a recipe trains, as `FlowSpec.json` writes them.
  private func expectTrains(
    _ flow: String, _ spec: FlowSpec, on data: String = "pictures.npy", sourceLocation: SourceLocation = #_sourceLocation
  ) throws {
    let result = try train(flow, on: data)
    #expect(result.status == 0, "\(result.errors)", sourceLocation: sourceLocation)
    guard result.status == 0 else { return }
    func tree(_ json: String) throws -> NSDictionary {
      let object = try #require(try JSONSerialization.jsonObject(with: Data(json.utf8)) as? [String: Any])
      return NSDictionary(dictionary: object.filter { $0.key != "provenance" })
    }
    #expect(try tree(Flow.open(folder("m")).spec) == tree(spec.json), sourceLocation: sourceLocation)
  }

  @Test func presetsWithNets() throws {
    try expectTrains(
      "  {preset: realnvp, scales: 2, net: {type: convnet, channels: 4, blocks: 1}, prior: learned_normal}",
      .realnvp(shape: [1, 8, 8], scales: 2, net: ConvNet(channels: 4, blocks: 1), prior: .learnedNormal))
    try expectTrains(
      "  {preset: glow, scales: 2, steps_per_scale: 2, channels: 4, blocks: 1, multi_scale: false}",
      .glow(shape: [1, 8, 8], scales: 2, stepsPerScale: 2, multiScale: false, net: Highway(channels: 4, blocks: 1)))
    try expectTrains(
      "  {preset: cycle, channels: 4, blocks: 2, latent: 3, transform: additive}",
      .cycle(shape: [1, 8, 8], net: ResNet(channels: 4, blocks: 2, latent: 3), transform: .additive))
    try expectTrains(
      "  {preset: tabular, couplings: 2, hidden: 8, layers: 0, dropout: 0.25, scaling: none}",
      .tabular(dims: 5, couplings: 2, hidden: 8, layers: 0, dropout: 0.25), on: "rows.npy")
    try expectTrains(
      "  {preset: tabular, couplings: 2, net: {type: mlp, hidden: 8}, prior: {type: gaussian_mixture, components: 3}}",
      .tabular(dims: 5, couplings: 2, hidden: 8, scaling: .standard, prior: .gaussianMixture(components: 3)), on: "rows.npy")
  }

  /// A preset and a network without sizes have the paper's, which are too large to train here.
  @Test func sizesLeftOut() throws {
    try expectRefused("  preset: realnvp\n  scales: 9", line: 4, "flow.scales: is 9, but scale 4 is 1x1 and can't be squeezed")
    try expectRefused("  preset: glow\n  scales: 4\n  net: {type: glow, channels: 4}", line: 4, "use 3 or fewer")
    try expectRefused("  preset: glow", line: 3, "flow.preset glow: is for images", on: "rows.npy")
    try expectRefused("  preset: tabular", line: 3, "flow.preset tabular: is for tables")
  }

  @Test func everyImageStep() throws {
    let flow = """
        prior: {type: gaussian_mixture, components: 2, trainable: false}
        steps:
          - op: dequantize
          - {op: logit, margin: 0.8}
          - {op: coupling, mask: {type: checkerboard, reverse: true}, net: {type: resnet, channels: 4, blocks: 1}}
          - {op: coupling, mask: {type: horizontal}, net: {type: glow, channels: 4}}
          - {op: coupling, mask: {type: vertical}, net: {type: highway, channels: 4, blocks: 1}, transform: additive}
          - {op: coupling, mask: {type: cycle, from: 0, to: 1}, net: {type: convnet, channels: 4, weight_norm: false}}
          - {op: coupling, mask: {type: sub_quadrant, from: 0, to: 1}, net: {type: glow, channels: 4}}
          - {op: coupling, mask: {type: centre, margin: 2}, net: {type: autoencoder, latent: 3, layout: padded}}
          - op: squeeze
          - repeat: 2
            steps:
              - op: actnorm
              - {op: conv1x1, trainable: false}
              - {op: coupling, mask: {type: channel}, net: {type: glow, channels: 4}}
          - {op: permute, order: [3, 1, 2, 0]}
          - op: reverse
          - {op: factor_out, keep: 2}
          - op: coupling
            mask: {type: checkerboard}
            net: {type: resnet, channels: 4, blocks: 2, latent: 3, input_scale: 1}
      """
    let last = ResNet(channels: 4, blocks: 2, latent: 3)
    let spec = FlowSpec(image: [1, 8, 8], prior: .gaussianMixture(components: 2, trainable: false)) {
      Dequantize()
      Logit(margin: 0.8)
      Coupling(.checkerboard(reversed: true), ResNet(channels: 4, blocks: 1))
      Coupling(.horizontal(), GlowNet(channels: 4))
      Coupling(.vertical(), Highway(channels: 4, blocks: 1), .additive)
      Coupling(.cycle(from: 0, to: 1), ConvNet(channels: 4, blocks: 2, weightNorm: false))
      Coupling(.subQuadrant(from: 0, to: 1), GlowNet(channels: 4))
      Coupling(.centre(margin: 2), Autoencoder(latent: 3, layout: .padded))
      Squeeze()
      Repeat(2) {
        ActNorm()
        Conv1x1(trainable: false)
        Coupling(.channel(), GlowNet(channels: 4))
      }
      Permute([3, 1, 2, 0])
      Reverse()
      FactorOut(keep: 2)
      Coupling(mask: .checkerboard(), net: .resnet(last))
    }
    try expectTrains(flow, spec)
  }

  @Test func scalingOfAList() throws {
    let coupling = "{op: coupling, mask: {type: tabular}, net: {type: mlp, hidden: 4}}"
    let spec = FlowSpec(dims: 5) {
      Affine()
      Coupling(.tabular(), MLP(hidden: 4, layers: 1))
    }
    try expectTrains("  steps:\n  - op: affine\n  - \(coupling)", spec, on: "rows.npy")
    try expectTrains("  scaling: robust\n  steps:\n  - \(coupling)", spec, on: "rows.npy")
    try expectRefused("  steps:\n  - \(coupling)\n  - op: rotation", line: 5, "flow.steps[1] takes its numbers from the data")
    try expectRefused("  scaling: standard\n  steps:\n  - op: affine", line: 5, "as scaling does; leave out one of them")
    try expectRefused("  scaling: standard\n  steps:\n  - op: dequantize", line: 3, "8-bit images begin with dequantize alone")
  }

  @Test func whatDoesNotApply() throws {
    try expectRefused("  preset: cycle\n  scales: 3", line: 4, "flow.scales does not apply to preset cycle; known there: preset")
    try expectRefused("  preset: glow\n  skip: true", line: 4, "flow.skip does not apply to preset glow")
    try expectRefused("  preset: realnvp\n  scaling: standard", line: 4, "does not apply to preset realnvp")
    try expectRefused("  preset: tabular\n  standardise: true\n  scaling: whiten", line: 4, "give one of them")
    try expectRefused("  steps: [{op: dequantize}]\n  blocks: 3", line: 4, "flow.blocks does not apply to a list of steps")
    try expectRefused(
      "  preset: realnvp\n  blocks: 1\n  net: {type: glow, channels: 4}", line: 4, "flow.blocks is part of flow.net")
    try expectRefused(
      "  preset: realnvp\n  net: {type: glow, blocks: 4}", line: 4,
      "flow.net.blocks does not apply to a net of type glow; known there: type, channels")
    try expectRefused("  preset: realnvp\n  net: {type: mlp}", line: 4, "preset realnvp needs one for images")
    try expectRefused("  preset: tabular\n  net: {type: glow}", line: 4, "preset tabular needs mlp")
    try expectRefused("  preset: cycle\n  latent: 5\n  skip: true", line: 5, "flow.skip must be false with latent")
    try expectRefused("  preset: cycle\n  net: {type: autoencoder}", line: 4, "flow.net.latent is missing")
    try expectRefused("  preset: cycle\n  net: {type: highwya}", line: 4, "did you mean highway?")
    try expectRefused("  preset: cycle\n  prior: gaussian_mixture", line: 4, "{type: gaussian_mixture, components: 10}")
    try expectRefused(
      "  preset: cycle\n  prior: {type: learned_normal, components: 3}", line: 4,
      "flow.prior.components does not apply to prior learned_normal")
  }

  @Test func stepsThatAreNot() throws {
    func steps(_ item: String) -> String { "  steps:\n    - op: dequantize\n    - \(item)" }
    try expectRefused(steps("op: dequantise"), line: 5, "did you mean dequantize?")
    try expectRefused(steps("{op: squeeze, margin: 1}"), line: 5, "flow.steps[1].margin does not apply to op squeeze")
    try expectRefused(steps("{op: logit, margni: 1}"), line: 5, "flow.steps[1].margni is not a known key; did you mean margin?")
    try expectRefused(steps("op: permute"), line: 5, "flow.steps[1].order is missing")
    try expectRefused(steps("{repeat: 2, op: squeeze}"), line: 5, "does not apply to repeat")
    try expectRefused(steps("{repeat: 2, steps: [{op: squeze}]}"), line: 5, "flow.steps[1].steps[0].op is \"squeze\"")
    try expectRefused(
      steps("op: coupling\n      mask: {type: checkerboard, from: 1}\n      net: {type: glow, channels: 4}"), line: 6,
      "flow.steps[1].mask.from does not apply to the checkerboard mask")
    try expectRefused(
      steps("op: coupling\n      mask: {type: sub_quadrant, factor: 1, from: 0, to: 1}\n      net: {type: glow}"), line: 6,
      "flow.steps[1].mask.factor is 1; it must be 2 to 64")
  }

  /// What only the engine knows to be impossible is told with the recipe's line too.
  @Test func engineRefusals() throws {
    func steps(_ items: String...) -> String {
      "  steps:\n    - op: dequantize\n" + items.map { "    - \($0)" }.joined(separator: "\n")
    }
    try expectRefused(
      steps("op: logit", "{repeat: 4, steps: [{op: squeeze}]}"), line: 6, "flow.steps[2].steps[0]: squeeze needs an even")
    let net = "net: {type: glow, channels: 4}"
    try expectRefused(
      steps("op: coupling\n      \(net)\n      mask: {type: channel}"), line: 7, "flow.steps[1].mask: the channel mask does not fit"
    )
    try expectRefused(
      steps("op: coupling\n      mask: {type: checkerboard}\n      net:\n        type: mlp"), line: 7,
      "flow.steps[1].net: an mlp needs a table")
    try expectRefused(steps("op: squeeze", "{op: permute, order: [0, 0, 1, 2]}"), line: 6, "flow.steps[2]")
    try expectRefused(
      "  scaling: whiten\n  steps:\n    - {op: coupling, mask: {type: horizontal}, \(net)}", line: 5, "flow.steps[0].mask: ",
      on: "rows.npy")
    try expectRefused(
      "  preset: realnvp\n  net: {type: autoencoder, latent: 2}", line: 3, "flow.preset realnvp, steps.2.net: ")
    try expectRefused(
      "  preset: realnvp\n  net: {type: resnet, blocks: 1, latent: 2}", line: 3, "flow.preset realnvp, steps.2.net")
  }
}
