"""Checks of the lesson `ablation`: oracles are a GPT computed slowly from its weights, laws, and measured effects."""

import math

import torch
from torch.nn import functional

from unravel.grading import Alternative, Draw, Mistake, assert_close, assert_equal, checks, shared_model

MISTAKES = [
    # loss_by_copy
    Mistake(
        "loss_by_copy",
        why="You swapped the two copies: the first copy's loss comes first.",
        right="[first.mean(), second.mean()]",
        wrong="[second.mean(), first.mean()]",
    ),
    Mistake(
        "loss_by_copy",
        why="You counted each copy's first token too, which nothing in the text could tell. Leave it out of both.",
        right="losses[:, 1:length], losses[:, length + 1 :]",
        wrong="losses[:, :length], losses[:, length:]",
    ),
    Mistake(
        "loss_by_copy",
        why="You left out the first token of the second copy alone. Then the two means are over different tokens.",
        right="losses[:, 1:length], losses[:, length + 1 :]",
        wrong="losses[:, :length], losses[:, length + 1 :]",
    ),
    Mistake(
        "loss_by_copy",
        why="You cut the losses one place too far right. Entry 0 of the losses belongs to token 1, not to `<bos>`.",
        right="losses[:, 1:length], losses[:, length + 1 :]",
        wrong="losses[:, 2 : length + 1], losses[:, length + 2 :]",
    ),
    Mistake(
        "loss_by_copy",
        why="You compared the logits at each position with the token that stands *there*. They guess the next one.",
        right="losses = -log_probs.gather(-1, tokens[:, 1:, None])[..., 0]",
        wrong="losses = -log_probs.gather(-1, tokens[:, :-1, None])[..., 0]",
    ),
    Mistake(
        "loss_by_copy",
        why="You used each position's logits for the token before it. The logits at p guess the token at p + 1.",
        right="logits[:, :-1].log_softmax(-1)",
        wrong="logits[:, 1:].log_softmax(-1)",
    ),
    Mistake(
        "loss_by_copy",
        why="You took log(softmax(...)). Where a logit is 1000 above the right one, the softmax is rounded to 0 and "
        "its log is minus infinity. `log_softmax` is safe.",
        right="logits[:, :-1].log_softmax(-1)",
        wrong="logits[:, :-1].softmax(-1).log()",
    ),
    Mistake(
        "loss_by_copy",
        why="The sign is missing: a loss is *minus* the log-probability of what came.",
        right="losses = -log_probs",
        wrong="losses = log_probs",
    ),
    Mistake(
        "loss_by_copy",
        why="You return probabilities of what came, not losses.",
        right="losses = -log_probs.gather(-1, tokens[:, 1:, None])[..., 0]",
        wrong="losses = log_probs.gather(-1, tokens[:, 1:, None])[..., 0].exp()",
    ),
    Mistake(
        "loss_by_copy",
        why="You summed the losses: take their mean.",
        right="[first.mean(), second.mean()]",
        wrong="[first.sum(), second.sum()]",
    ),
    Mistake(
        "loss_by_copy",
        why="You took the loss in bits (log to the base of 2). It is asked in nats, as log_softmax gives it.",
        right="[first.mean(), second.mean()]",
        wrong="[first.mean(), second.mean()]) / torch.log(torch.tensor(2.0)",
    ),
    Mistake(
        "loss_by_copy",
        why="You took the raw logits: without the softmax they are no log-probabilities.",
        right="logits[:, :-1].log_softmax(-1)",
        wrong="logits[:, :-1]",
    ),
    Mistake(
        "loss_by_copy",
        why="You compared the logits at each position with the token that stands *there*. They guess the next one: "
        "leave out the last logits and the first token.",
        wrong="""losses = -logits.log_softmax(-1).gather(-1, tokens[:, :, None])[..., 0]
return torch.stack([losses[:, 1:length].mean(), losses[:, length + 1 :].mean()])""",
    ),
    # knock_out
    Mistake(
        "knock_out",
        why="You set the heads' W_O to zero in a copy of the model. That silences them everywhere, and leaves "
        "`stand_in` and `positions` out of account: replace z by a hook.",
        wrong="""import copy
without = copy.deepcopy(model)
with torch.no_grad():
    for layer, head in heads:
        without.blocks[layer].attn.W_O[head] = 0.0
    return without(tokens)""",
    ),
    Mistake(
        "knock_out",
        why="You silenced the heads whatever `stand_in` holds. Zero is only one of the things that can be put in.",
        right="z[:, places, head] = stand_in[layer][:, places, head]",
        wrong="z[:, places, head] = 0.0",
    ),
    Mistake(
        "knock_out",
        why="You left `positions` out of account: z is replaced everywhere.",
        right="places = slice(None) if positions is None else positions",
        wrong="places = slice(None)",
    ),
    Mistake(
        "knock_out",
        why="You treat an empty list of positions as if it were None. `if positions` is false for both: ask "
        "`positions is None`.",
        right="slice(None) if positions is None else positions",
        wrong="positions or slice(None)",
    ),
    Mistake(
        "knock_out",
        why="You replaced z at all positions *but* those given.",
        right="places = slice(None) if positions is None else positions",
        wrong="places = [p for p in range(tokens.shape[1]) if positions is None or p not in positions]",
    ),
    Mistake(
        "knock_out",
        why="You replaced the z of all heads of the layer, not of the head alone.",
        right="z[:, places, head] = stand_in[layer][:, places, head]",
        wrong="z[:, places] = stand_in[layer][:, places]",
    ),
    Mistake(
        "knock_out",
        why="Your hooks were made in a loop and read its variables when they run, after the loop: all of them replace "
        "the last head of the list. Make each by a function that takes layer and head.",
        wrong="""places = slice(None) if positions is None else positions
hooks = []
for layer, head in heads:
    def hook(z, hook):
        z = z.clone()
        z[:, places, head] = stand_in[layer][:, places, head]
        return z
    hooks.append((f"blocks.{layer}.attn.hook_z", hook))
return model.run_with_hooks(tokens, fwd_hooks=hooks)""",
    ),
    Mistake(
        "knock_out",
        why="Your hooks stand in a dict by layer, so that of several heads in one layer only the last is replaced.",
        right="return model.run_with_hooks(tokens, fwd_hooks=hooks)",
        wrong="return model.run_with_hooks(tokens, fwd_hooks=list(dict(hooks).items()))",
    ),
    Mistake(
        "knock_out",
        why="You replaced only the first head of the list.",
        right="for layer, head in heads]",
        wrong="for layer, head in heads[:1]]",
    ),
    Mistake(
        "knock_out",
        why="You replaced the head's values (`hook_v`), which are then mixed by its pattern. It is z, the mix, that is "
        "to be replaced: `hook_z`.",
        right='attn.hook_z", replacing',
        wrong='attn.hook_v", replacing',
    ),
    Mistake(
        "knock_out",
        why="You gave every prompt the stand-in of the first one.",
        right="stand_in[layer][:, places, head]",
        wrong="stand_in[layer][:1, places, head]",
    ),
    Mistake(
        "knock_out",
        why="You took the stand-in of layer 0 for heads of every layer.",
        right="stand_in[layer][:, places, head]",
        wrong="stand_in[0][:, places, head]",
    ),
    Mistake(
        "knock_out",
        why="You took the stand-in of head 0 for every head.",
        right="stand_in[layer][:, places, head]",
        wrong="stand_in[layer][:, places, 0]",
    ),
    Mistake(
        "knock_out",
        why="You added the stand-in to z: it takes the *place* of z.",
        right="z[:, places, head] = stand_in",
        wrong="z[:, places, head] += stand_in",
    ),
    Mistake(
        "knock_out",
        why="Each head's replacement ran in a run of its own, and you return the last: do it all in one run.",
        right="return model.run_with_hooks(tokens, fwd_hooks=hooks)",
        wrong="logits = model(tokens)\nfor one in hooks:\n    logits = model.run_with_hooks(tokens, fwd_hooks=[one])\n"
        "return logits",
    ),
    Mistake(
        "knock_out",
        why="Your hook changes a clone of z and doesn't return it: the model goes on with z as it was.",
        right="return z\n",
        wrong="return None\n",
    ),
    # make_stand_in
    Mistake(
        "make_stand_in",
        why='For "mean" you averaged over layers and prompts: in the stack the layers stand in front, so that prompts '
        "and positions are the axes 1 and 2.",
        right="z.mean(dim=(1, 2), keepdim=True)",
        wrong="z.mean(dim=(0, 1), keepdim=True)",
    ),
    Mistake(
        "make_stand_in",
        why='For "mean" you averaged over prompts alone, which is "mean at each position".',
        right="z.mean(dim=(1, 2), keepdim=True)",
        wrong="z.mean(dim=1, keepdim=True)",
    ),
    Mistake(
        "make_stand_in",
        why='For "mean" you averaged over positions alone: each prompt keeps a mean of its own, and with it a message.',
        right="z.mean(dim=(1, 2), keepdim=True)",
        wrong="z.mean(dim=2, keepdim=True)",
    ),
    Mistake(
        "make_stand_in",
        why='For "mean" you averaged over heads too: each head has a mean of its own.',
        right="z.mean(dim=(1, 2), keepdim=True)",
        wrong="z.mean(dim=(1, 2, 3), keepdim=True)",
    ),
    Mistake(
        "make_stand_in",
        why='For "mean" you averaged over the entries of z as well. The mean is a vector of d_head numbers.',
        right="z.mean(dim=(1, 2), keepdim=True)",
        wrong="z.mean(dim=(1, 2, 4), keepdim=True)",
    ),
    Mistake(
        "make_stand_in",
        why='For "mean at each position" you averaged over the positions: it is the prompts that are averaged over.',
        right="z.mean(dim=1, keepdim=True)",
        wrong="z.mean(dim=2, keepdim=True)",
    ),
    Mistake(
        "make_stand_in",
        why='For "mean at each position" you averaged over positions as well.',
        right="z.mean(dim=1, keepdim=True)",
        wrong="z.mean(dim=(1, 2), keepdim=True)",
    ),
    Mistake(
        "make_stand_in",
        why="You used `order` the wrong way round: prompt b gets the z of prompt order[b]; with you, prompt order[b] "
        "gets the z of prompt b.",
        right="return z[:, order]",
        wrong="return z[:, order.argsort()]",
    ),
    Mistake(
        "make_stand_in",
        why="You reordered the layers: the batch is the second axis of [layer batch pos head d_head].",
        right="return z[:, order]",
        wrong="return z[order % len(z)]",
    ),
    Mistake(
        "make_stand_in",
        why="You took the next prompt's z and left `order` out of account.",
        right="return z[:, order]",
        wrong="return z.roll(-1, dims=1)",
    ),
    Mistake(
        "make_stand_in",
        why="You returned each prompt's own z: nothing is resampled.",
        right="return z[:, order]",
        wrong="return z",
    ),
    Mistake(
        "make_stand_in",
        why="An order that sends a prompt to itself is accepted: that prompt isn't ablated. Raise a ValueError if "
        "*any* place is fixed.",
        right="if bool((order == torch.arange(len(order))).any()):",
        wrong="if bool((order == torch.arange(len(order))).all()):",
    ),
    Mistake(
        "make_stand_in",
        why="You look for a fixed point at some prompts only. Any prompt may be sent to itself: look at all of them.",
        right="if bool((order == torch.arange(len(order))).any()):",
        wrong="if int(order[0]) == 0:",
    ),
    Mistake(
        "make_stand_in",
        why="You check the order even where it isn't used: the means must not mind it.",
        right='if how == "zero":',
        wrong="if order is not None and bool((order == torch.arange(len(order))).any()):\n"
        '    raise ValueError("A prompt would get its own activations.")\nif how == "zero":',
    ),
    Mistake(
        "make_stand_in",
        why="Any unknown `how` is treated as resampling: a slip of the pen would go unnoticed. Raise a ValueError.",
        right='if how != "resample":\n    raise ValueError(f"There is no {how!r} ablation here.")\n',
        wrong="",
    ),
    Mistake(
        "make_stand_in",
        why="You collected the heads' values (`v`) in place of z, what the pattern has mixed from them.",
        wrong="""with torch.no_grad():
    _, cache = model.run_with_cache(tokens)
z = torch.stack([cache["v", layer] for layer in range(model.config.n_layers)])
if how not in ("zero", "mean", "mean at each position", "resample"):
    raise ValueError("unknown")
if how == "resample" and bool((order == torch.arange(len(order))).any()):
    raise ValueError("A prompt would get its own activations.")
means = {"zero": 0 * z, "mean": z.mean((1, 2), True), "mean at each position": z.mean(1, True)}
return z[:, order] if how == "resample" else means[how].expand_as(z)""",
    ),
    Mistake(
        "make_stand_in",
        why='For "zero" you put in ones.',
        right="torch.zeros_like(z)",
        wrong="torch.ones_like(z)",
    ),
    # move_constant
    Mistake(
        "move_constant",
        why="b_V stays as it was: then z doesn't grow, and b_O takes off what nobody writes.",
        right="attn.b_V + constants,",
        wrong="attn.b_V.clone(),",
    ),
    Mistake(
        "move_constant",
        why="b_O stays as it was: then the layer writes the constants into the stream on top of everything.",
        right="attn.b_O - written",
        wrong="attn.b_O.clone()",
    ),
    Mistake(
        "move_constant",
        why="You added to b_O what is now written too much. It has to be taken *off*.",
        right="attn.b_O - written",
        wrong="attn.b_O + written",
    ),
    Mistake(
        "move_constant",
        why="You took the constants off b_V: z should grow by them.",
        right="attn.b_V + constants, attn.b_O - written",
        wrong="attn.b_V - constants, attn.b_O + written",
    ),
    Mistake(
        "move_constant",
        why="You put the constants in the place of b_V. They are added to what is there.",
        right="attn.b_V + constants,",
        wrong="constants.clone(),",
    ),
    Mistake(
        "move_constant",
        why="You return what is to be written off in the place of b_O: it is taken off what b_O was.",
        right="attn.b_O - written",
        wrong="-written",
    ),
    Mistake(
        "move_constant",
        why="You took the mean over heads of what they write. Heads write side by side: it is the sum.",
        right="return attn.b_V + constants, attn.b_O - written",
        wrong="return attn.b_V + constants, attn.b_O - written / len(constants)",
    ),
    Mistake(
        "move_constant",
        why="You carried the constants of all heads into the stream by the W_O of head 0. Each head has its own.",
        right='torch.einsum("hd,hdm->m", constants, attn.W_O)',
        wrong="constants.sum(0) @ attn.W_O[0]",
    ),
    Mistake(
        "move_constant",
        why="You used the layer 0 whatever `layer` says.",
        right="attn = model.blocks[layer].attn",
        wrong="attn = model.blocks[0].attn",
    ),
    Mistake(
        "move_constant",
        why="You moved the constant of the first head alone.",
        right="with torch.no_grad():\n",
        wrong="constants = constants * (torch.arange(len(constants)) == 0)[:, None]\nwith torch.no_grad():\n",
    ),
    Mistake(
        "move_constant",
        why="You carried the constants through W_V. b_V is what values get on top: the constants themselves go there.",
        right="return attn.b_V + constants,",
        wrong="return attn.b_V + (constants[:, None] @ (attn.W_V.transpose(1, 2) @ attn.W_V))[:, 0],",
    ),
    # cut_path
    Mistake(
        "cut_path",
        why="All heads of the receiver's layer mishear the sender: change the receiver's copy of the stream alone.",
        right="x[:, :, to_head] += instead @ model.blocks[from_layer].attn.W_O[from_head]",
        wrong="x += (instead @ model.blocks[from_layer].attn.W_O[from_head])[:, :, None]",
    ),
    Mistake(
        "cut_path",
        why="You took what the sender writes away and put nothing in: what it would write with `stand_in` is missing.",
        right='instead = stand_in[from_layer][:, :, from_head] - seen["z"]',
        wrong='instead = -seen["z"]',
    ),
    Mistake(
        "cut_path",
        why="You added what the sender would write and left what it does write there too: it now speaks twice.",
        right='stand_in[from_layer][:, :, from_head] - seen["z"]',
        wrong="stand_in[from_layer][:, :, from_head]",
    ),
    Mistake(
        "cut_path",
        why="The sign is wrong: take the sender's own z off, and put the stand-in's in.",
        right='stand_in[from_layer][:, :, from_head] - seen["z"]',
        wrong='seen["z"] - stand_in[from_layer][:, :, from_head]',
    ),
    Mistake(
        "cut_path",
        why="You cut all three inputs, whatever `inputs` says.",
        right="for letter in inputs]",
        wrong='for letter in "qkv"]',
    ),
    Mistake(
        "cut_path",
        why="You cut only the first of the inputs that are named.",
        right="for letter in inputs]",
        wrong="for letter in inputs[:1]]",
    ),
    Mistake(
        "cut_path",
        why="You mixed up sender and receiver heads: you changed the copy of the head whose number the sender has.",
        right="x[:, :, to_head] +=",
        wrong="x[:, :, from_head] +=",
    ),
    Mistake(
        "cut_path",
        why="You used the W_O of the receiver. It is the sender who writes, by its own.",
        right="model.blocks[from_layer].attn.W_O[from_head]",
        wrong="model.blocks[to_layer].attn.W_O[to_head]",
    ),
    Mistake(
        "cut_path",
        why="You replaced the receiver's whole input by the change. All else that stands in the stream must stay.",
        right="x[:, :, to_head] += instead",
        wrong="x[:, :, to_head] = instead",
    ),
    Mistake(
        "cut_path",
        why="You knocked the sender out for everybody: that isn't a path, it is `knock_out`.",
        right='def listen(z, hook):\n    seen["z"] = z[:, :, from_head]\n',
        wrong='def listen(z, hook):\n    seen["z"] = stand_in[from_layer][:, :, from_head]\n    z = z.clone()\n'
        '    z[:, :, from_head] = seen["z"]\n    return z\n',
    ),
    Mistake(
        "cut_path",
        why="The change is made at the last position only. The receiver reads every position, and keys and values of "
        "earlier ones count.",
        right="x[:, :, to_head] += instead @ model.blocks[from_layer].attn.W_O[from_head]",
        wrong="x[:, -1, to_head] += (instead @ model.blocks[from_layer].attn.W_O[from_head])[:, -1]",
    ),
    Mistake(
        "cut_path",
        why="Your change was made twice. The same input can be hooked under two names, in the block and in its "
        "attention: take one.",
        right="model.set_use_split_qkv_input(True)\n",
        wrong='hooks += [(f"blocks.{to_layer}.attn.hook_{letter}_input", mislead) for letter in inputs]\n'
        "model.set_use_split_qkv_input(True)\n",
    ),
    Mistake(
        "cut_path",
        why="You left the split inputs switched on, for whoever uses the model next. Switch them off in a `finally`.",
        right="model.set_use_split_qkv_input(False)",
        wrong="pass",
    ),
    # self_repair
    Mistake(
        "self_repair",
        why="You took the stream behind the head's own layer for the final one. What later layers write is missing.",
        right='cache["resid_post", model.config.n_layers - 1][:, -1]',
        wrong='cache["resid_post", layer][:, -1]',
    ),
    Mistake(
        "self_repair",
        why="In row 0 you left the final LayerNorm out. It is applied as ever; only what it divides by is held.",
        right="frozen = read_out(model, changed, norm_scale(model, final))",
        wrong="frozen = model.unembed(changed)",
    ),
    Mistake(
        "self_repair",
        why="Your rows 0 and 1 are swapped: the first holds the whole model's divisor.",
        right="for left in (frozen, direct, total)",
        wrong="for left in (direct, frozen, total)",
    ),
    Mistake(
        "self_repair",
        why="You return what is left, and not what is lost: subtract it from the whole model's logit difference.",
        right="[whole - logit_difference(left, right, wrong) for",
        wrong="[logit_difference(left, right, wrong) for",
    ),
    Mistake(
        "self_repair",
        why="The sign is wrong: what is lost is the whole model's logit difference minus the changed one's, and a "
        "logit difference is the right answer's logit minus the wrong one's.",
        right="[whole - logit_difference(left, right, wrong) for",
        wrong="[logit_difference(left, right, wrong) - whole for",
    ),
    Mistake(
        "self_repair",
        why="You took what the head writes out of the final stream, and put nothing in. Exchange it for what it would "
        "write with `stand_in`.",
        right='(cache["z", layer] - stand_in[layer])[:, -1, index]',
        wrong='cache["z", layer][:, -1, index]',
    ),
    Mistake(
        "self_repair",
        why="You added the difference to the stream. Subtract it: the head's own write goes, the stand-in's comes.",
        right="changed = final - lost",
        wrong="changed = final + lost",
    ),
    Mistake(
        "self_repair",
        why="You used a wrong W_O: that of the same head in layer 0.",
        right="model.blocks[layer].attn.W_O[index]",
        wrong="model.blocks[0].attn.W_O[index]",
    ),
    Mistake(
        "self_repair",
        why="Both direct effects hold the divisor. In row 1 the LayerNorm divides by the changed stream's own.",
        right="direct = read_out(model, changed, norm_scale(model, changed))",
        wrong="direct = frozen",
    ),
    Mistake(
        "self_repair",
        why="In row 0 the divisor isn't held: it should be that of the whole model's final stream.",
        right="frozen = read_out(model, changed, norm_scale(model, final))",
        wrong="frozen = read_out(model, changed, norm_scale(model, changed))",
    ),
    Mistake(
        "self_repair",
        why="You took the stream that enters the last layer for the final one. What the last layer writes is missing.",
        right='cache["resid_post", model.config.n_layers - 1][:, -1]',
        wrong='cache["resid_pre", model.config.n_layers - 1][:, -1]',
    ),
    Mistake(
        "self_repair",
        why="You measure at the first position. The question stands at the last.",
        right="whole = logit_difference(logits[:, -1], right, wrong)\n",
        wrong="whole = logit_difference(logits[:, 0], right, wrong)\n",
    ),
    Mistake(
        "self_repair",
        why="For the total effect you silenced the head, whatever `stand_in` holds.",
        right="total = knock_out(model, tokens, [head], stand_in)[:, -1]",
        wrong="total = knock_out(model, tokens, [head], torch.zeros_like(stand_in))[:, -1]",
    ),
    Mistake(
        "self_repair",
        why="For the total effect you knocked the head out at the last position only; what it says at others may be "
        "read from there.",
        right="total = knock_out(model, tokens, [head], stand_in)[:, -1]",
        wrong="total = knock_out(model, tokens, [head], stand_in, [tokens.shape[1] - 1])[:, -1]",
    ),
    Mistake(
        "self_repair",
        why="You read the logits of what was *lost*, by the LayerNorm that divides by the size of that. Read the "
        "changed stream, and subtract logit differences.",
        right="direct = read_out(model, changed, norm_scale(model, changed))",
        wrong="write = final - changed\n    direct = logits[:, -1] - read_out(model, write, norm_scale(model, write))",
    ),
]

ALTERNATIVES = [
    Alternative(
        "loss_by_copy",
        how="by cross_entropy, copy by copy",
        code="""losses = []
for start in (1, 1 + length):
    guesses = logits[:, start : start + length - 1].flatten(0, 1)
    losses.append(torch.nn.functional.cross_entropy(guesses, tokens[:, start + 1 : start + length].flatten()))
return torch.stack(losses)""",
    ),
    Alternative(
        "loss_by_copy",
        how="by logsumexp and one-hot vectors",
        code="""hot = torch.nn.functional.one_hot(tokens[:, 1:], logits.shape[-1]).bool()
losses = logits[:, :-1].logsumexp(-1) - logits[:, :-1].masked_fill(~hot, 0).sum(-1)
return losses.view(len(tokens), 2, length)[:, :, 1:].mean((0, 2))""",
    ),
    Alternative(
        "knock_out",
        how="one hook for each layer, in place, with a mask",
        code="""mask = torch.zeros(stand_in.shape[2], dtype=torch.bool)
mask[list(range(stand_in.shape[2])) if positions is None else positions] = True
with torch.no_grad():
    def hook(z, hook):
        for layer, head in heads:
            if layer == hook.layer():
                z[:, mask, head] = stand_in[layer, :, mask, head]
    names = {f"blocks.{layer}.attn.hook_z" for layer, _ in heads}
    return model.run_with_hooks(tokens, fwd_hooks=[(name, hook) for name in names])""",
    ),
    Alternative(
        "knock_out",
        how="by add_hook and reset_hooks, on what the heads write",
        code="""from functools import partial

def change(result, hook, layer, head):
    write = stand_in[layer][:, :, head] @ model.blocks[layer].attn.W_O[head]
    for at in range(tokens.shape[1]):
        if positions is None or at in positions:
            result[:, at, head] = write[:, at]
    return result

model.set_use_attn_result(True)
for layer, head in heads:
    model.add_hook(f"blocks.{layer}.attn.hook_result", partial(change, layer=layer, head=head))
try:
    with torch.no_grad():
        return model(tokens)
finally:
    model.reset_hooks()
    model.set_use_attn_result(False)""",
    ),
    Alternative(
        "make_stand_in",
        how="layer by layer, with a list",
        code="""if how not in ("zero", "mean", "mean at each position", "resample"):
    raise ValueError(how)
if how == "resample":
    for place, other in enumerate(order.tolist()):
        if place == other:
            raise ValueError("fixed point")
_, cache = model.run_with_cache(tokens)
out = []
for layer in range(model.config.n_layers):
    z = cache["z", layer].detach()
    new = torch.zeros_like(z)
    if how == "mean":
        new += z.flatten(0, 1).mean(0)
    elif how == "mean at each position":
        new += z.mean(0)
    elif how == "resample":
        new = torch.stack([z[other] for other in order.tolist()])
    out.append(new)
return torch.stack(out)""",
    ),
    Alternative(
        "make_stand_in",
        how="with views that share memory",
        code="""z = torch.stack([model.run_with_cache(tokens)[1]["z", layer] for layer in range(model.config.n_layers)])
if how == "resample" and (order == torch.arange(len(tokens))).sum() > 0:
    raise ValueError("fixed")
ways = {"zero": lambda: 0 * z, "mean": lambda: z.mean((1, 2), True), "resample": lambda: z.index_select(1, order)}
ways["mean at each position"] = lambda: z.mean(1, True)
if how not in ways:
    raise ValueError("unknown")
return ways[how]().expand(z.shape)""",
    ),
    Alternative(
        "move_constant",
        how="head by head",
        code="""attn = model.blocks[layer].attn
b_O = attn.b_O.clone()
for head in range(len(constants)):
    b_O = b_O - constants[head] @ attn.W_O[head]
return attn.b_V + constants, b_O""",
    ),
    Alternative(
        "move_constant",
        how="by the whole W_O behind all heads laid side by side",
        code="""attn = model.blocks[layer].attn
return constants + attn.b_V.detach(), attn.b_O.detach() - constants.flatten() @ attn.W_O.detach().flatten(0, 1)""",
    ),
    Alternative(
        "cut_path",
        how="with a run before that keeps what the sender writes, and the attention's own hooks",
        code="""_, cache = model.run_with_cache(tokens)
W_O = model.blocks[sender[0]].attn.W_O[sender[1]]
change = stand_in[sender[0], :, :, sender[1]] @ W_O - cache["z", sender[0]][:, :, sender[1]] @ W_O

def mislead(x, hook):
    mask = torch.zeros(x.shape[2], 1)
    mask[receiver[1]] = 1
    return x + mask * change[:, :, None]

model.set_use_split_qkv_input(True)
hooks = [(f"blocks.{receiver[0]}.attn.hook_{letter}_input", mislead) for letter in inputs]
logits = model.run_with_hooks(tokens, fwd_hooks=hooks)
model.set_use_split_qkv_input(False)
return logits""",
    ),
    Alternative(
        "cut_path",
        how="on queries, keys and values themselves, made anew by hand",
        code="""_, cache = model.run_with_cache(tokens)
(l, h), (m, r) = sender, receiver
block = model.blocks[m]
instead = (stand_in[l][:, :, h] - cache["z", l][:, :, h]) @ model.blocks[l].attn.W_O[h]
heard = block.ln1(cache["resid_pre", m] + instead)

def make(letter):
    W, b = getattr(block.attn, f"W_{letter}")[r], getattr(block.attn, f"b_{letter}")[r]

    def hook(x, hook):
        x = x.clone()
        x[:, :, r] = heard @ W + b
        return x

    return hook

return model.run_with_hooks(tokens, fwd_hooks=[(f"blocks.{m}.attn.hook_{i}", make(i.upper())) for i in inputs])""",
    ),
    Alternative(
        "self_repair",
        how="by a hook on the final norm's divisor",
        code="""layer, index = head
last = f"blocks.{model.config.n_layers - 1}.hook_resid_post"
whole, cache = model.run_with_cache(tokens)
attn = model.blocks[layer].attn
lost = cache["z", layer][:, -1, index] @ attn.W_O[index] - stand_in[layer, :, -1, index] @ attn.W_O[index]

def less(x, hook):
    x = x.clone()
    x[:, -1] -= lost
    return x

def hold(scale, hook):
    return cache[hook.name]

held = [("ln_final.hook_scale", hold)] if model.config.normalization_type else []
runs = [
    model.run_with_hooks(tokens, fwd_hooks=[(last, less), *held]),
    model.run_with_hooks(tokens, fwd_hooks=[(last, less)]),
    knock_out(model, tokens, [head], stand_in),
]
return torch.stack(
    [logit_difference((whole - run)[:, -1], right, wrong) for run in runs]
)""",
    ),
]


# --- the oracle: a GPT, layer by layer and head by head, in float64, from its weights alone ----------


def slow_norm(x: torch.Tensor, w: dict, name: str, scale: torch.Tensor | None = None) -> torch.Tensor:
    """LayerNorm by its definition, if the model has one; with another vector's divisor if `scale` is given."""
    if f"{name}.w" not in w:
        return x
    own = ((x - x.mean(-1, keepdim=True)) ** 2).mean(-1, keepdim=True).add(1e-5).sqrt()
    return (x - x.mean(-1, keepdim=True)) / (own if scale is None else scale) * w[f"{name}.w"] + w[f"{name}.b"]


def slow_run(model, tokens, swap=None, hear=None):
    """Logits, every head's z [layer batch pos head d_head], and the final stream.

    `swap(layer, head, z)` and `hear(layer, head, letter, stream)` give what goes on in place of a head's z, and of the
    stream that its queries, keys or values alone read.
    """
    w = {name: value.detach().double() for name, value in model.state_dict().items()}
    n_pos, n_heads = tokens.shape[1], model.config.n_heads
    stream = w["embed.W_E"][tokens] + w["pos_embed.W_pos"][:n_pos]
    future = torch.ones(n_pos, n_pos).triu(1).bool()
    every_z = []
    for layer in range(model.config.n_layers):
        b, written, zs = f"blocks.{layer}", torch.zeros_like(stream), []
        for head in range(n_heads):
            made = {}
            for letter in "qkv":
                heard = hear(layer, head, letter, stream) if hear else stream
                at = letter.upper()
                made[letter] = (
                    slow_norm(heard, w, f"{b}.ln1") @ w[f"{b}.attn.W_{at}"][head] + w[f"{b}.attn.b_{at}"][head]
                )
            scores = made["q"] @ made["k"].transpose(1, 2) / math.sqrt(model.config.d_head)
            z = scores.masked_fill(future, -torch.inf).softmax(-1) @ made["v"]
            z = swap(layer, head, z) if swap else z
            zs.append(z)
            written = written + z @ w[f"{b}.attn.W_O"][head]
        stream = stream + written + w[f"{b}.attn.b_O"]
        if f"{b}.mlp.W_in" in w:
            pre = slow_norm(stream, w, f"{b}.ln2") @ w[f"{b}.mlp.W_in"] + w[f"{b}.mlp.b_in"]
            post = functional.gelu(pre, approximate="tanh")
            stream = stream + post @ w[f"{b}.mlp.W_out"] + w[f"{b}.mlp.b_out"]
        every_z.append(torch.stack(zs, dim=2))
    return slow_read(model, stream), torch.stack(every_z), stream


def slow_read(model, stream, scale=None) -> torch.Tensor:
    """The logits of a final stream."""
    w = {name: value.detach().double() for name, value in model.state_dict().items()}
    return slow_norm(stream, w, "ln_final", scale) @ w["unembed.W_U"] + w["unembed.b_U"]


def replacing(heads, stand_in, positions):
    """The `swap` of `slow_run` that does what `knock_out` should."""

    def swap(layer, head, z):
        if (layer, head) in heads:
            z = z.clone()
            for at in range(z.shape[1]):
                if positions is None or at in positions:
                    z[:, at] = stand_in[layer, :, at, head].double()
        return z

    return swap


def world(draw: Draw, n_layers: int = 2, **config):
    """A random model whose sizes all differ, tokens for it, and a random stand-in of the size of its z."""
    n_heads, d_head, batch, pos = draw.sizes(4, low=3, high=7)
    config = {"d_model": 13, "d_vocab": 11, "n_ctx": pos + 2, "d_mlp": 9, **config}
    model = draw.model(n_layers=n_layers, n_heads=n_heads, d_head=d_head, **config)
    tokens = draw.integers(0, 11, batch, pos)
    return model, tokens, draw.normal(n_layers, batch, pos, n_heads, d_head)


def repeated(draw: Draw, batch: int, length: int) -> torch.Tensor:
    """Rows for induction-2l: <bos> (1), random syllables (4 to 67), and the same again."""
    rows = torch.stack([4 + draw.permutation(64)[:length] for _ in range(batch)])
    return torch.cat([torch.full((batch, 1), shared_model("induction-2l").tokenizer.bos), rows, rows], dim=1)


def second_copy(logits: torch.Tensor, tokens: torch.Tensor, length: int) -> float:
    """The mean loss on the second copy, but for its first token."""
    losses = functional.cross_entropy(logits[:, :-1].transpose(1, 2), tokens[:, 1:], reduction="none")
    return float(losses[:, length + 1 :].mean())


# --- loss_by_copy -----------------------------------------------------------------------------------


@checks("loss_by_copy")
def test_equal_logits(submission, draw: Draw):
    """After logits that are all equal each token costs log(d_vocab), in both copies."""
    batch, length, d_vocab = draw.sizes(3, low=3)
    segment = draw.integers(0, d_vocab, batch, length)
    tokens = torch.cat([torch.zeros(batch, 1, dtype=torch.long), segment, segment], dim=1)
    found = submission.loss_by_copy(torch.full((batch, 2 * length + 1, d_vocab), 3.0), tokens, length)
    assert_close(found, torch.full((2,), math.log(d_vocab)), "the pair of losses after equal logits")


@checks("loss_by_copy")
def test_a_case_by_hand(submission):
    """One prompt, segment [1, 2]: only the guess at the 2 counts, made at position 1 and again at position 3."""
    tokens = torch.tensor([[0, 1, 2, 1, 2]])
    probs = torch.full((1, 5, 3), 1 / 3)
    probs[0, 1] = torch.tensor([0.5, 0.25, 0.25])
    probs[0, 3] = torch.tensor([0.05, 0.05, 0.9])
    found = submission.loss_by_copy(probs.log(), tokens, 2)
    expected = torch.tensor([math.log(4), -math.log(0.9)])
    hint = "The logits at position p guess the token at p + 1; each copy's first token is left out."
    assert_close(found, expected, "the pair of losses where the 2 got 0.25 and then 0.9", hint=hint)


@checks("loss_by_copy")
def test_a_slow_loop_agrees(submission, draw: Draw):
    """On random logits the result is what a loop over prompts and tokens 2 to `length` of each copy gives."""
    for short in (False, True):
        batch, length, d_vocab = draw.sizes(3, low=3)
        length = 2 if short else length
        segment = draw.integers(0, d_vocab, batch, length)
        tokens = torch.cat([draw.integers(0, d_vocab, batch, 1), segment, segment], dim=1)
        logits = 3 * draw.normal(batch, 2 * length + 1, d_vocab)
        expected = []
        for start in (1, 1 + length):  # where the copy begins
            losses = []
            for row in range(batch):
                for at in range(start + 1, start + length):
                    probs = logits[row, at - 1].double().exp() / logits[row, at - 1].double().exp().sum()
                    losses.append(-math.log(probs[tokens[row, at]]))
            expected.append(sum(losses) / len(losses))
        found = submission.loss_by_copy(logits, tokens, length)
        assert_close(found, torch.tensor(expected), f"the pair of losses on {batch} prompts with length = {length}")


@checks("loss_by_copy")
def test_very_sure_and_wrong(submission, draw: Draw):
    """A logit of 1000 on a wrong token costs 1000 nats, not infinity."""
    batch, length, d_vocab = draw.sizes(3, low=3)
    segment = draw.integers(1, d_vocab, batch, length)
    tokens = torch.cat([torch.zeros(batch, 1, dtype=torch.long), segment, segment], dim=1)
    logits = torch.zeros(batch, 2 * length + 1, d_vocab)
    logits[:, length:, 0] = 1000.0  # token 0 never comes
    found = submission.loss_by_copy(logits, tokens, length)
    assert_close(
        found, torch.tensor([math.log(d_vocab), 1000.0]), "the pair of losses, sure and wrong in the second copy"
    )


# --- knock_out --------------------------------------------------------------------------------------


@checks("knock_out")
def test_nothing_to_replace(submission, draw: Draw):
    """No heads, or no positions, or each head's own z put in: these are the whole model's logits."""
    model, tokens, stand_in = world(draw)
    logits, z, _ = slow_run(model, tokens)
    all_heads = [(layer, head) for layer in range(2) for head in range(model.config.n_heads)]
    found = submission.knock_out(model, tokens, [], stand_in)
    assert_close(found, logits, "the tensor of logits with heads=[]", rtol=1e-3, atol=1e-4)
    found = submission.knock_out(model, tokens, all_heads, stand_in, [])
    hint = "An empty list of positions is a list: nothing is replaced. None means everywhere."
    assert_close(found, logits, "the tensor of logits with positions=[]", hint=hint, rtol=1e-3, atol=1e-4)
    found = submission.knock_out(model, tokens, all_heads, z.float())
    assert_close(found, logits, "the tensor of logits with each head's own z put in", rtol=1e-3, atol=1e-4)


@checks("knock_out")
def test_silence_is_a_matrix_of_zeros(submission, draw: Draw):
    """With a stand-in of zeros a head does what it does when its W_O is zero."""
    model, tokens, stand_in = world(draw, n_layers=3)
    layer, head = draw.integer(0, 3), draw.integer(0, model.config.n_heads)
    found = submission.knock_out(model, tokens, [(layer, head)], torch.zeros_like(stand_in))
    with torch.no_grad():
        W_O = model.blocks[layer].attn.W_O
        kept = W_O[head].clone()
        W_O[head] = 0.0
        expected = slow_run(model, tokens)[0]
        W_O[head] = kept
    assert_close(found, expected, f"the tensor of logits without head {(layer, head)}", rtol=1e-3, atol=1e-4)


@checks("knock_out")
def test_any_heads_any_stand_in(submission, draw: Draw):
    """One head, two of one layer, heads of several layers: each gets its own part of the stand-in, and only it."""
    model, tokens, stand_in = world(draw, n_layers=3)
    last = model.config.n_heads - 1
    for heads in ([(2, last)], [(1, last), (1, 0)], [(0, 1), (2, 0), (1, last), (2, 1)]):
        expected = slow_run(model, tokens, replacing(heads, stand_in, None))[0]
        found = submission.knock_out(model, tokens, heads, stand_in)
        assert_close(found, expected, f"the tensor of logits with heads {heads} replaced", rtol=1e-3, atol=1e-4)


@checks("knock_out")
def test_only_at_some_positions(submission, draw: Draw):
    """With positions given, in any order, z is replaced there and nowhere else."""
    model, tokens, stand_in = world(draw)
    pos = tokens.shape[1]
    some = sorted(draw.permutation(pos)[: pos - 1].tolist(), reverse=True)  # never in rising order
    for heads in ([(0, 1)], [(0, 0), (0, 2), (1, 1)]):
        for positions in ([0], [draw.integer(1, pos)], some):
            expected = slow_run(model, tokens, replacing(heads, stand_in, positions))[0]
            found = submission.knock_out(model, tokens, heads, stand_in, positions)
            what = f"the tensor of logits with heads {heads} replaced at positions {positions}"
            assert_close(found, expected, what, rtol=1e-3, atol=1e-4)


@checks("knock_out", seconds=10.0)
def test_the_induction_head_is_needed(submission, draw: Draw):
    """On induction-2l: without L1H1, or without L0H1, the second copy costs as much as for one who knows nothing."""
    model, tokens = shared_model("induction-2l"), repeated(draw, 16, 14)
    nothing = torch.zeros(2, *tokens.shape, 2, 32)
    whole = second_copy(submission.knock_out(model, tokens, [], nothing), tokens, 14)
    assert whole < 1, f"With heads=[] the loss on the second copy is {whole:.2f}. The whole model has about 0.3."
    for head in ((1, 1), (0, 1)):
        found = second_copy(submission.knock_out(model, tokens, [head], nothing), tokens, 14)
        assert found > 3, f"Without {head} the loss on the second copy is {found:.2f}; it should be above 3."


# --- make_stand_in ----------------------------------------------------------------------------------


def derangement(draw: Draw, n: int) -> torch.Tensor:
    """An order that sends nobody to itself, and that isn't its own inverse."""
    order = draw.permutation(n)
    out = torch.empty(n, dtype=torch.long)
    out[order] = order.roll(1)
    return out


STAND_IN_HINTS = {
    "zero": "",
    "mean": "One value for each layer, head and entry of d_head: the mean over prompts *and* positions.",
    "mean at each position": "The mean over prompts alone.",
    "resample": "Prompt b gets the z of prompt order[b].",
}


@checks("make_stand_in")
def test_each_way(submission, draw: Draw):
    """Each of the four ways gives what the slow model's z gives, for all layers and heads, in full size."""
    model, tokens, _ = world(draw, n_layers=draw.integer(2, 4))
    batch, order = len(tokens), derangement(draw, len(tokens))
    z = slow_run(model, tokens)[1].float()
    flat = sum(z[:, b, p] for b in range(batch) for p in range(tokens.shape[1])) / tokens.numel()
    expected = {
        "zero": torch.zeros_like(z),
        "mean": torch.stack([torch.stack([flat] * tokens.shape[1], 1)] * batch, 1),
        "mean at each position": torch.stack([sum(z[:, b] for b in range(batch)) / batch] * batch, 1),
        "resample": torch.stack([z[:, int(order[b])] for b in range(batch)], 1),
    }
    for how, value in expected.items():
        found = submission.make_stand_in(model, tokens, how, order)
        assert_close(found, value, f"the stand-in {how!r}", hint=STAND_IN_HINTS[how], rtol=1e-3, atol=1e-4)


@checks("make_stand_in")
def test_the_means_need_no_order(submission, draw: Draw):
    """Without an order, zero and the two means are what they are with one; one prompt is its own mean."""
    model, tokens, _ = world(draw)
    tokens = tokens[:1]
    z = slow_run(model, tokens)[1].float()
    found = submission.make_stand_in(model, tokens, "mean at each position")
    assert_close(found, z, "the mean at each position of a single prompt", rtol=1e-3, atol=1e-4)
    found = submission.make_stand_in(model, tokens, "mean")
    expected = z.mean(2, keepdim=True).expand_as(z)
    assert_close(found, expected, "the mean of a single prompt over its positions", rtol=1e-3, atol=1e-4)
    found = submission.make_stand_in(model, tokens, "zero")
    assert_close(found, torch.zeros_like(z), "the stand-in 'zero'")


def refused(learner, model, tokens, how, order):
    """Whether a ValueError came, and what came if not."""
    try:
        learner.make_stand_in(model, tokens, how, order)
    except ValueError:
        return "ValueError"
    except NotImplementedError:
        raise
    except Exception as fault:
        return f"a {type(fault).__name__}"
    return "no error"


@checks("make_stand_in")
def test_no_prompt_stands_in_for_itself(submission, draw: Draw):
    """An order with a fixed point, at any place, is refused for "resample", and is no matter for the other ways."""
    model, tokens, _ = world(draw)
    batch = len(tokens)
    for fixed in (0, draw.integer(1, batch - 1), batch - 1):
        rest = torch.tensor([at for at in range(batch) if at != fixed])
        order = torch.arange(batch)
        order[rest] = rest[derangement(draw, batch - 1)]
        found = submission.run(refused, model, tokens, "resample", order)
        said = f"The order {order.tolist()} sends prompt {fixed} to itself: this should be a ValueError, and there was"
        assert found == "ValueError", f"{said} {found}."
        found = submission.run(refused, model, tokens, "mean", order)
        assert found == "no error", f'With how="mean" the order is no matter, but there was {found}.'
    good = derangement(draw, batch)
    found = submission.run(refused, model, tokens, "resample", good)
    assert found == "no error", f"The order {good.tolist()} has no fixed point, but there was {found}."


@checks("make_stand_in")
def test_unknown_ways_are_refused(submission, draw: Draw):
    """Any other `how` is a ValueError: nobody should get a mean by a slip of the pen."""
    model, tokens, _ = world(draw)
    for how in ("Mean", "mean at every position", ""):
        found = submission.run(refused, model, tokens, how, derangement(draw, len(tokens)))
        assert found == "ValueError", f"With how={how!r} there should be a ValueError, and there was {found}."


# --- move_constant ----------------------------------------------------------------------------------


def with_biases(model, layer: int, b_V: torch.Tensor, b_O: torch.Tensor, tokens: torch.Tensor):
    """Logits and z of the model when one layer has these biases; the model is as it was afterwards."""
    attn = model.blocks[layer].attn
    with torch.no_grad():
        kept = attn.b_V.clone(), attn.b_O.clone()
        attn.b_V.copy_(b_V)
        attn.b_O.copy_(b_O)
        out = slow_run(model, tokens)
        attn.b_V.copy_(kept[0])
        attn.b_O.copy_(kept[1])
    return out


@checks("move_constant")
def test_nothing_to_move(submission, draw: Draw):
    """With constants of zero, the biases are the layer's own."""
    model, _, _ = world(draw)
    for layer in range(2):
        attn = model.blocks[layer].attn
        b_V, b_O = submission.move_constant(model, layer, torch.zeros_like(attn.b_V))
        assert_close(b_V, attn.b_V, f"b_V of layer {layer} with nothing to move")
        assert_close(b_O, attn.b_O, f"b_O of layer {layer} with nothing to move")


@checks("move_constant")
def test_the_same_function_with_larger_z(submission, draw: Draw):
    """With the new biases z is larger by the constants at every position, and every logit is what it was."""
    for config in ({}, {"attn_only": True, "normalization_type": None}):
        model, tokens, _ = world(draw, n_layers=3, **config)
        logits, z, _ = slow_run(model, tokens)
        for layer in range(3):
            constants = draw.normal(model.config.n_heads, model.config.d_head)
            b_V, b_O = submission.move_constant(model, layer, constants)
            new_logits, new_z, _ = with_biases(model, layer, b_V, b_O, tokens)
            grown = (new_z - z)[layer]
            what = f"by how much z of layer {layer} has grown"
            hint = "A head's z grows by what its values grow by, since each row of its pattern sums to 1."
            assert_close(grown, constants.expand_as(grown), what, hint=hint, rtol=1e-3, atol=1e-4)
            hint = "Does b_O take off what each head now writes too much, by its own W_O?"
            assert_close(
                new_logits, logits, "the tensor of logits with the new biases", hint=hint, rtol=1e-3, atol=1e-3
            )


@checks("move_constant")
def test_a_single_head_and_a_single_entry(submission, draw: Draw):
    """One entry of one head moves: one entry of b_V changes, and b_O by one row of that head's W_O."""
    model, _, _ = world(draw)
    attn, layer = model.blocks[1].attn, 1
    head, entry = draw.integer(0, model.config.n_heads), draw.integer(0, model.config.d_head)
    constants = torch.zeros_like(attn.b_V)
    constants[head, entry] = 2.0
    b_V, b_O = submission.move_constant(model, layer, constants)
    assert_close(b_V - attn.b_V, constants, "the change of b_V")
    assert_close(b_O - attn.b_O, -2 * attn.W_O[head, entry], "the change of b_O", atol=1e-4)


@checks("move_constant")
def test_zero_becomes_mean(submission, draw: Draw):
    """Moved out by its mean z, a head that is silenced leaves what its mean leaves in the model as it was."""
    model, tokens, _ = world(draw)
    z = slow_run(model, tokens)[1]
    layer, head = draw.integer(0, 2), draw.integer(0, model.config.n_heads)
    mean = z.mean((1, 2), keepdim=True).expand_as(z)
    expected = slow_run(model, tokens, replacing([(layer, head)], mean, None))[0]
    b_V, b_O = submission.move_constant(model, layer, -mean[layer, 0, 0].float())
    attn = model.blocks[layer].attn
    kept = attn.W_O.detach().clone()
    with torch.no_grad():
        attn.W_O[head] = 0.0
        found = with_biases(model, layer, b_V, b_O, tokens)[0]
        attn.W_O.copy_(kept)
    assert_close(
        found, expected, "the tensor of logits after zero ablation, the mean z moved into b_O", rtol=1e-3, atol=1e-3
    )


# --- cut_path ---------------------------------------------------------------------------------------


def misheard(model, z, sender, receiver, inputs, stand_in):
    """The `hear` of `slow_run` that does what `cut_path` should."""
    (from_layer, from_head), W_O = sender, model.blocks[sender[0]].attn.W_O.detach().double()[sender[1]]
    change = (stand_in.double() - z)[from_layer, :, :, from_head] @ W_O

    def hear(layer, head, letter, stream):
        return stream + change if (layer, head) == receiver and letter in inputs else stream

    return hear


def assert_cut(submission, world, sender, receiver, inputs):
    """The learner's logits are those of the slow model whose receiver mishears the sender."""
    model, tokens, stand_in = world
    z = slow_run(model, tokens)[1]
    expected = slow_run(model, tokens, hear=misheard(model, z, sender, receiver, inputs, stand_in))[0]
    found = submission.cut_path(model, tokens, sender, receiver, inputs, stand_in)
    what = f"the tensor of logits when {receiver} mishears {sender} in {inputs!r}"
    assert_close(found, expected, what, rtol=1e-3, atol=1e-3)


@checks("cut_path")
def test_each_input_alone_and_together(submission, draw: Draw):
    """Queries, keys, values, and any of them together, in a model of two layers with MLPs."""
    here = world(draw)
    last = here[0].config.n_heads - 1
    for inputs in ("q", "k", "v", "kv", "vq", "qkv"):
        assert_cut(submission, here, (0, draw.integer(0, last + 1)), (1, draw.integer(0, last + 1)), inputs)


@checks("cut_path")
def test_layers_between_hear_the_truth(submission, draw: Draw):
    """In a model of four layers: neighbours, and sender and receiver with layers between that hear nothing of it."""
    here = world(draw, n_layers=4)
    n_heads = here[0].config.n_heads
    for from_layer, to_layer in ((0, 3), (1, 3), (2, 3), (0, 2)):
        sender, receiver = ((layer, draw.integer(0, n_heads)) for layer in (from_layer, to_layer))
        assert_cut(submission, here, sender, receiver, draw.choice(["q", "k", "v", "qk"]))


@checks("cut_path")
def test_without_norm_and_mlp(submission, draw: Draw):
    """In an attention-only model without LayerNorm, where the receiver's input changes by just what was exchanged."""
    here = world(draw, n_layers=3, attn_only=True, normalization_type=None)
    n_heads = here[0].config.n_heads
    for letter in "qkv":
        sender, receiver = (draw.integer(0, 2), draw.integer(0, n_heads)), (2, draw.integer(0, n_heads))
        assert_cut(submission, here, sender, receiver, letter)


@checks("cut_path")
def test_its_own_words_change_nothing(submission, draw: Draw):
    """With the sender's own z as stand-in, or with no input named, these are the whole model's logits."""
    model, tokens, stand_in = world(draw, n_layers=3)
    logits, z, _ = slow_run(model, tokens)
    found = submission.cut_path(model, tokens, (0, 1), (2, 0), "qkv", z.float())
    assert_close(found, logits, "the tensor of logits when the sender's own z is put in", rtol=1e-3, atol=1e-3)
    found = submission.cut_path(model, tokens, (0, 1), (2, 0), "", stand_in)
    assert_close(found, logits, "the tensor of logits with no input named", rtol=1e-3, atol=1e-3)


def switch_after(learner, model, tokens, sender, receiver, stand_in):
    """The model's switch for split inputs after a call, in the learner's own process."""
    learner.cut_path(model, tokens, sender, receiver, "k", stand_in)
    return model.cfg.use_split_qkv_input


@checks("cut_path")
def test_the_switch_is_off_again(submission, draw: Draw):
    """After the call the model has no split inputs, as before it."""
    model, tokens, stand_in = world(draw)
    on = submission.run(switch_after, model, tokens, (0, 1), (1, 0), stand_in)
    said = "The split inputs are still switched on when `cut_path` is done: the model goes on copying the stream"
    assert not on, f"{said} for each head. Call `model.set_use_split_qkv_input(False)` in a `finally`."


@checks("cut_path", seconds=10.0)
def test_the_edge_of_the_induction_circuit(submission, draw: Draw):
    """On induction-2l only L1H1's keys need L0H1: there the loss rises by more than 2 nats, elsewhere by under 0.5."""
    model, tokens = shared_model("induction-2l"), repeated(draw, 24, 14)
    with torch.no_grad():
        _, cache = model.run_with_cache(tokens)
        whole = second_copy(model(tokens), tokens, 14)
    z = torch.stack([cache["z", layer] for layer in range(2)])
    mean = z.mean(1, keepdim=True).expand_as(z).contiguous()
    for inputs in ("q", "k", "v", "qv"):
        rise = second_copy(submission.cut_path(model, tokens, (0, 1), (1, 1), inputs, mean), tokens, 14) - whole
        said = f"With L0H1's mean in input {inputs!r} of L1H1 the loss on the second copy rises by {rise:.2f}"
        if inputs == "k":
            assert rise > 2, f"{said}. It should be more than 2: the keys say which token stood before."
        else:
            assert abs(rise) < 0.5, f"{said}. It should be next to nothing: only the keys need this head."


# --- self_repair ------------------------------------------------------------------------------------


def slow_repair(model, tokens, right, wrong, head, stand_in) -> torch.Tensor:
    """The three losses of logit difference, from the slow model."""
    (layer, index), every = head, torch.arange(len(tokens))

    def difference(logits):
        return logits[every, -1, right] - logits[every, -1, wrong]

    logits, z, final = slow_run(model, tokens)
    w = model.state_dict()
    W_O = w[f"blocks.{layer}.attn.W_O"].double()[index]
    left = final - (z - stand_in.double())[layer, :, :, index] @ W_O
    scale = (final.var(-1, correction=0, keepdim=True) + 1e-5).sqrt()
    out = slow_run(model, tokens, replacing([head], stand_in, None))[0]
    rows = slow_read(model, left, scale), slow_read(model, left), out
    return torch.stack([difference(logits) - difference(row) for row in rows])


def answers(draw: Draw, batch: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Right and wrong tokens of an 11-token vocabulary, never the same."""
    right = draw.integers(0, 11, batch)
    return right, (right + draw.integers(1, 11, batch)) % 11


ROWS = ("the divisor held", "the divisor of what is left", "the head knocked out for real")


def assert_repair(submission, world, right, wrong, head, tolerance: float = 1e-3) -> None:
    """Row by row, so that the message says which of the three is off."""
    model, tokens, stand_in = world
    expected = slow_repair(model, tokens, right, wrong, head, stand_in)
    found = submission.self_repair(model, tokens, right, wrong, head, stand_in)
    assert_equal(tuple(found.shape), tuple(expected.shape), "the shape of the answer")
    for row, name in enumerate(ROWS):
        what = f"row {row} for head {head}, what is lost with {name},"
        assert_close(found[row], expected[row], what, rtol=tolerance, atol=tolerance)


@checks("self_repair")
def test_three_ways_of_counting(submission, draw: Draw):
    """Any head of a model with MLPs and LayerNorm, and any stand-in: three rows, as the slow model has them."""
    here = world(draw, n_layers=3)
    for layer in range(3):
        right, wrong = answers(draw, len(here[1]))
        assert_repair(submission, here, right, wrong, (layer, draw.integer(0, here[0].config.n_heads)))


@checks("self_repair")
def test_a_stand_in_that_says_the_same(submission, draw: Draw):
    """With the head's own z as stand-in nothing is lost, by any way of counting."""
    model, tokens, _ = world(draw)
    z = slow_run(model, tokens)[1].float()
    right, wrong = answers(draw, len(tokens))
    found = submission.self_repair(model, tokens, right, wrong, (0, 1), z)
    assert_close(found, torch.zeros(3, len(tokens)), "what is lost when the head's own z is put in", atol=1e-4)


@checks("self_repair")
def test_nobody_to_repair(submission, draw: Draw):
    """Without LayerNorm rows 0 and 1 are the same; for a head of the last layer, without MLP, rows 1 and 2 are."""
    here = world(draw, attn_only=True, normalization_type=None)
    right, wrong = answers(draw, len(here[1]))
    for head in ((0, 1), (1, 0)):
        assert_repair(submission, here, right, wrong, head)
        found = submission.self_repair(*here[:2], right, wrong, head, here[2])
        assert_close(found[1], found[0], "row 1 of a model without LayerNorm", rtol=1e-3, atol=1e-3)
    assert_close(found[2], found[1], "row 2 for a head of the last layer", rtol=1e-3, atol=1e-3)
    here = world(draw, attn_only=True)
    right, wrong = answers(draw, len(here[1]))
    assert_repair(submission, here, right, wrong, (1, 2))


@checks("self_repair", seconds=10.0)
def test_the_backups_of_the_constructed_model(submission, draw: Draw):
    """On ioi-constructed: L3H0 has a direct effect above 4, and silencing it costs less than half of that."""
    model = shared_model("ioi-constructed")
    names = [["Mary", "John", "Anna", "Tom", "Sarah", "James", "Emma"][at] for at in draw.permutation(7)]
    pairs = list(zip(names, names[1:] + names[:1], strict=True))
    tokens = model.to_tokens([f"When {a} and {b} went to the park , {b} gave a ball to" for a, b in pairs])
    right, wrong = (torch.tensor([model.to_single_token(pair[at]) for pair in pairs]) for at in (0, 1))
    nothing = torch.zeros(5, *tokens.shape, 4, model.config.d_head)
    held, direct, total = submission.self_repair(model, tokens, right, wrong, (3, 0), nothing).mean(1).tolist()
    assert min(held, direct) > 4, f"The direct effect of L3H0 is {held:.2f} and {direct:.2f} here; it is about 6."
    said = f"Silenced, L3H0 costs {total:.2f} here"
    assert 0 < total < held / 2, f"{said}. It should be above 0 and below half of the direct effect: backups jump in."
