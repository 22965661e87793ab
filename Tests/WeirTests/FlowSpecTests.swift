import Foundation
import Testing
import Weir

@Suite struct FlowSpecTests {
  private func masks(_ spec: FlowSpec) -> [CouplingMask] {
    spec.steps.compactMap { if case .coupling(let coupling) = $0 { coupling.mask } else { nil } }
  }

  private func channels(_ spec: FlowSpec) -> [Int] {
    spec.steps.compactMap { step in
      guard case .coupling(let coupling) = step, case .resnet(let net) = coupling.net else { return nil }
      return net.channels
    }
  }

  @Test func realnvp() throws {
    let spec = try FlowSpec.realnvp(shape: [3, 32, 32], scales: 3, channels: 8, blocks: 2)
    #expect(spec.steps.count == 2 + 2 * (3 + 1 + 3 + 1) + 4)
    #expect(channels(spec) == [8, 8, 8, 16, 16, 16, 16, 16, 16, 32, 32, 32, 32, 32, 32, 32])
    let kept = spec.steps.compactMap { if case .factorOut(let keep) = $0 { keep } else { nil } }
    #expect(kept == [6, 12])
    #expect(Array(masks(spec).suffix(4)) == [false, true, false, true].map { .checkerboard(reversed: $0) })
  }

  @Test func inputScaleFollowsMaskAndBatchNorm() {
    let net = ResNet(channels: 4, blocks: 1)
    #expect(net.under(.checkerboard(reversed: true)).inputScale == 2)
    #expect(net.under(.channel(reversed: true)).inputScale == 1)
    #expect(ResNet(channels: 4, blocks: 1, batchNorm: false).under(.checkerboard(reversed: false)).inputScale == 1)
  }

  @Test func singleScalePresets() throws {
    let net = ResNet(channels: 4, blocks: 1)
    let cycle = try FlowSpec.cycle(shape: [1, 4, 4], net: net)
    let pairs = [(0, 1), (1, 2), (2, 3), (3, 0), (0, 1), (1, 2), (2, 3), (3, 0)]
    #expect(masks(cycle) == pairs.map { .cycle(from: $0.0, to: $0.1) })
    #expect(try masks(.horizontal(shape: [1, 4, 3], net: net)) == (0..<8).map { .horizontal(reversed: $0 % 2 == 1) })
    #expect(try masks(.realnvp8(shape: [1, 3, 3], net: net)) == (0..<8).map { .checkerboard(reversed: $0 % 2 == 1) })
    #expect(try masks(.tabular(dims: 5, couplings: 3)) == [false, true, false].map { .tabular(reversed: $0) })
    #expect(try FlowSpec.tabular(dims: 5, couplings: 3, standardise: true).steps.first == .affine)
  }

  /// The paper's sizes, for grey and for colour, where nothing is given.
  @Test func paperSizes() throws {
    let (grey, colour) = (try FlowSpec.realnvp(shape: [1, 28, 28]), try FlowSpec.realnvp(shape: [3, 32, 32]))
    #expect(grey == (try FlowSpec.realnvp(shape: [1, 28, 28], scales: 2, channels: 64, blocks: 6)))
    #expect(colour == (try FlowSpec.realnvp(shape: [3, 32, 32], scales: 3, channels: 64, blocks: 8)))
    #expect(try FlowSpec.cycle(shape: [1, 28, 28]) == .cycle(shape: [1, 28, 28], net: ResNet(channels: 64, blocks: 6)))
    let (fashion, celeba) = (Highway(channels: 200, blocks: 3), Highway(channels: 400, blocks: 3))
    #expect(try FlowSpec.glow(shape: [1, 28, 28]) == .glow(shape: [1, 28, 28], scales: 2, stepsPerScale: 16, net: fashion))
    #expect(try FlowSpec.glow(shape: [3, 32, 32]) == .glow(shape: [3, 32, 32], scales: 3, stepsPerScale: 8, net: celeba))
    #expect(try FlowSpec.tabular(dims: 5) == .tabular(dims: 5, couplings: 8, hidden: 256, layers: 1))
  }

  /// RealNVP doubles channels after each squeeze, but not an autoencoder's; a bottleneck keeps its width.
  @Test func netsAfterASqueeze() throws {
    func nets(_ net: any CouplingNetwork) throws -> [CouplingNet] {
      try FlowSpec.realnvp(shape: [1, 8, 8], scales: 2, net: net).steps.compactMap {
        if case .coupling(let coupling) = $0 { coupling.net } else { nil }
      }
    }
    let autoencoder = Autoencoder(latent: 3, layout: .padded)
    #expect(try nets(autoencoder) == Array(repeating: .autoencoder(autoencoder), count: 10))
    #expect(try nets(GlowNet(channels: 4)).map { $0 == .glow(GlowNet(channels: 4)) } == (0..<10).map { $0 < 3 })
    #expect(try nets(ConvNet(channels: 4, blocks: 1))[3] == .convnet(ConvNet(channels: 8, blocks: 1)))
    #expect(try nets(CouplingNet.highway(Highway(channels: 4, blocks: 1)))[9] == .highway(Highway(channels: 8, blocks: 1)))
    let narrow = ResNet(channels: 4, blocks: 2, latent: 5)
    #expect(!narrow.skip)
    #expect(try nets(narrow)[3] == .resnet(ResNet(channels: 8, blocks: 2, skip: false, latent: 5)))
  }

  @Test func impossibleShapesAreRefused() {
    expectError(.argument, "use 2 or fewer") { try FlowSpec.glow(shape: [1, 28, 28], scales: 3) }
    expectError(.argument, "make height and width even") { try FlowSpec.glow(shape: [1, 27, 28], scales: 1) }
    expectError(.argument, "stepsPerScale") { try FlowSpec.glow(shape: [1, 28, 28], stepsPerScale: 0) }
    expectError(.argument, "it must be 1 to 24") { try FlowSpec.realnvp(shape: [1, 28, 28], scales: 0) }
    expectError(.argument, "can't be squeezed") { try FlowSpec.realnvp(shape: [1, 28, 28], scales: 4, channels: 4, blocks: 1) }
    expectError(.argument, "is for images") { try FlowSpec.realnvp(shape: [8], scales: 2, channels: 4, blocks: 1) }
    expectError(.argument, "even") { try FlowSpec.cycle(shape: [1, 3, 4], net: ResNet(channels: 4, blocks: 1)) }
    expectError(.argument, "2 or more") { try FlowSpec.tabular(dims: 1) }
  }

  @Test func jsonIsTheContract() throws {
    let net = ResNet(channels: 4, blocks: 1, skip: false)
    let spec = try FlowSpec.realnvp(shape: [1, 4, 4], scales: 2, net: net, transform: .additive)
    let object = try #require(try JSONSerialization.jsonObject(with: Data(spec.json.utf8)) as? [String: Any])
    #expect(object["version"] as? Int == 1)
    let steps = try #require(object["steps"] as? [[String: Any]])
    #expect(
      steps.map { $0["op"] as? String } == ["dequantize", "logit", "coupling", "coupling", "coupling", "squeeze"]
        + ["coupling", "coupling", "coupling", "factor_out", "coupling", "coupling", "coupling", "coupling"])
    #expect(steps[1]["margin"] as? Double == 0.9)
    #expect(steps[2]["transform"] as? String == "additive")
    let first = try #require(steps[2]["net"] as? [String: Any])
    #expect(first["input_scale"] as? Int == 2 && first["skip"] as? Bool == false && first["batch_norm"] as? Bool == true)
    let deeper = try #require(steps[6]["net"] as? [String: Any])
    #expect(deeper["channels"] as? Int == 8 && deeper["input_scale"] == nil)
    #expect(steps[9]["keep"] as? Int == 2)
  }

  private func text(_ step: FlowStep) -> String {
    let text = FlowSpec(shape: [4], levels: 0, steps: [step]).json
    let start = text.range(of: "\"steps\":[")!.upperBound
    return String(text[start..<text.index(text.endIndex, offsetBy: -2)]).replacing("\"", with: "'")
  }

  private func mask(_ mask: CouplingMask) -> String {
    text(.coupling(Coupling(mask: mask, net: .mlp(hidden: 1, layers: 0))))
      .replacing("{'op':'coupling','transform':'affine','mask':", with: "")
      .replacing(",'net':{'type':'mlp','hidden':1,'layers':0}}", with: "")
  }

  private func net(_ net: CouplingNet) -> String {
    let head = "{'op':'coupling','transform':'affine','mask':{'type':'tabular','reverse':false},'net':"
    return String(text(.coupling(Coupling(mask: .tabular(), net: net))).replacing(head, with: "").dropLast())
  }

  @Test func everyStepAsJSON() {
    #expect(text(.dequantize) == "{'op':'dequantize'}")
    #expect(text(.logit(margin: 0.9)) == "{'op':'logit','margin':0.9}")
    #expect(text(.squeeze) == "{'op':'squeeze'}")
    #expect(text(.factorOut(keep: 2)) == "{'op':'factor_out','keep':2}")
    #expect(text(.affine) == "{'op':'affine'}")
    #expect(text(.actNorm) == "{'op':'actnorm'}")
    #expect(text(.conv1x1()) == "{'op':'conv1x1','trainable':true}")
    #expect(text(.conv1x1(trainable: false)) == "{'op':'conv1x1','trainable':false}")
    #expect(text(.permute([1, 0])) == "{'op':'permute','order':[1,0]}")
    #expect(text(.reverse) == "{'op':'reverse'}")
    #expect(text(.rotation) == "{'op':'rotation'}")
  }

  @Test func everyMaskAsJSON() {
    #expect(mask(.checkerboard(reversed: true)) == "{'type':'checkerboard','reverse':true}")
    #expect(mask(.channel()) == "{'type':'channel','reverse':false}")
    #expect(mask(.horizontal()) == "{'type':'horizontal','reverse':false}")
    #expect(mask(.vertical()) == "{'type':'vertical','reverse':false}")
    #expect(mask(.tabular(reversed: true)) == "{'type':'tabular','reverse':true}")
    #expect(mask(.cycle(from: 3, to: 0)) == "{'type':'cycle','from':3,'to':0}")
    #expect(mask(.subQuadrant(from: 0, to: 1)) == "{'type':'sub_quadrant','factor':2,'from':0,'to':1}")
    #expect(mask(.centre(margin: 3, reversed: true)) == "{'type':'centre','margin':3,'reverse':true}")
  }

  @Test func everyNetAsJSON() {
    let resnet = "{'type':'resnet','channels':8,'blocks':2,'skip':false,'batch_norm':false,'weight_norm':true"
    #expect(
      net(.resnet(ResNet(channels: 8, blocks: 2, batchNorm: false, inputScale: 2, latent: 5)))
        == resnet + ",'input_scale':2,'latent':5}")
    #expect(net(.resnet(ResNet(channels: 8, blocks: 2, skip: false, batchNorm: false))) == resnet + "}")
    #expect(
      net(.convnet(ConvNet(channels: 8, blocks: 2, weightNorm: false)))
        == "{'type':'convnet','channels':8,'blocks':2,'weight_norm':false}")
    #expect(net(.glow(GlowNet(channels: 8))) == "{'type':'glow','channels':8}")
    #expect(net(.highway(Highway(channels: 8, blocks: 3))) == "{'type':'highway','channels':8,'blocks':3}")
    #expect(net(.autoencoder(Autoencoder(latent: 7))) == "{'type':'autoencoder','latent':7,'layout':'valid'}")
    #expect(net(.mlp(hidden: 8, layers: 2)) == "{'type':'mlp','hidden':8,'layers':2}")
    #expect(net(.mlp(hidden: 8, layers: 2, dropout: 0.5)) == "{'type':'mlp','hidden':8,'layers':2,'dropout':0.5}")
  }

  @Test func everyPriorAsJSON() {
    func json(_ prior: Prior) -> String {
      FlowSpec(shape: [2], levels: 0, prior: prior, steps: []).json.replacing("\"", with: "'")
        .replacing("{'version':1,'input':{'shape':[2],'levels':0},'prior':", with: "").replacing(",'steps':[]}", with: "")
    }
    #expect(json(.standardNormal) == "{'type':'standard_normal'}")
    #expect(json(.learnedNormal) == "{'type':'learned_normal'}")
    #expect(
      json(.gaussianMixture(components: 10, trainable: false))
        == "{'type':'gaussian_mixture','components':10,'trainable':false}")
  }
}
