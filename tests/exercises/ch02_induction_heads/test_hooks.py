"""Checks of the lesson `hooks`: oracles are loops over plain functions, restarted models, finite differences."""

import copy

import torch

from unravel.grading import Alternative, Draw, Mistake, assert_close, assert_equal, checks, shared_model

MISTAKES = [
    # HookPoint
    Mistake(
        "HookPoint",
        why="You hand over the name of the hook point. Hand over the hook point itself, `hook=self`: whoever "
        "wants its name takes `hook.name`.",
        right="hook=self",
        wrong="hook=self.name",
    ),
    Mistake(
        "HookPoint",
        why="You hand over the hook point by its place, as a second argument. Hand it over by name, `hook=self`, "
        "as transformer-lens does: a function may have it as `*, hook`, or among others.",
        right="function(value, hook=self)",
        wrong="function(value, self)",
    ),
    Mistake(
        "HookPoint",
        why="Each of your functions gets the activation as it came in, so that the last one to return something "
        "wins. Each should get what the one before has made of it.",
        wrong="key = object()\n"
        "self.functions[key] = function\n"
        "return lambda: self.functions.pop(key, None)\n"
        "### NEXT REGION\n"
        "out = value\n"
        "for function in list(self.functions.values()):\n"
        "    replacement = function(value, hook=self)\n"
        "    if replacement is not None:\n"
        "        out = replacement\n"
        "return out",
    ),
    Mistake(
        "HookPoint",
        why="You call the functions in the wrong order: the last one added comes first.",
        right="in list(self.functions.values())",
        wrong="in reversed(list(self.functions.values()))",
    ),
    Mistake(
        "HookPoint",
        why="Your key is the number of functions that are there. After a removal that number may be in use, and "
        "the new function takes another's place. `object()` is a key that nobody else has.",
        right="key = object()",
        wrong="key = len(self.functions)",
    ),
    Mistake(
        "HookPoint",
        why="You count up from the largest key in use. When the last function is gone its key is given out again, and "
        "the old remover, called once more, takes a stranger away. A fresh `object()` never comes again.",
        right="key = object()",
        wrong="key = max(self.functions, default=-1) + 1",
    ),
    Mistake(
        "HookPoint",
        why="Your key is the function itself, so that a function which is added twice is there only once.",
        right="key = object()",
        wrong="key = function",
    ),
    Mistake(
        "HookPoint",
        why="What `add_hook` returns takes all functions away. It should take away only the one that was added "
        "with it.",
        right="self.functions.pop(key, None)",
        wrong="self.functions.clear()",
    ),
    Mistake(
        "HookPoint",
        why="What `add_hook` returns takes away whichever function was added last. It should take away its own.",
        right="self.functions.pop(key, None)",
        wrong="self.functions and self.functions.popitem()",
    ),
    Mistake(
        "HookPoint",
        why="What `add_hook` returns takes away every function that equals its own. One that was added twice "
        "loses both of its places.",
        right="return lambda: self.functions.pop(key, None)",
        wrong="return lambda: [self.functions.pop(k) for k, f in list(self.functions.items()) if f == function]",
    ),
    Mistake(
        "HookPoint",
        why="What `add_hook` returns looks for a function that equals its own, and takes away the first. The same one "
        "may be there twice, and then it is the wrong place. Give each adding a key of its own.",
        right="return lambda: self.functions.pop(key, None)",
        wrong="return lambda: next((self.functions.pop(k) for k, f in [*self.functions.items()] if f == function), 0)",
    ),
    Mistake(
        "HookPoint",
        why="You pass on a copy. Without functions, or with functions that only look, the very tensor goes on: a copy "
        "costs memory in each run.",
        right="for function in list(self.functions.values()):",
        wrong="value = value.clone()\nfor function in list(self.functions.values()):",
    ),
    Mistake(
        "HookPoint",
        why="You call the functions under `torch.no_grad()`, or detach what they return. What they make of the "
        "activation has no gradients then.",
        right="replacement = function(value, hook=self)",
        wrong="with torch.no_grad():\n        replacement = function(value, hook=self)",
    ),
    Mistake(
        "HookPoint",
        why="What `add_hook` returns fails when it is called a second time. Then there is nothing to take away, "
        "and it should do nothing: `pop(key, None)`.",
        right="self.functions.pop(key, None)",
        wrong="self.functions.pop(key)",
    ),
    Mistake(
        "HookPoint",
        why="What `add_hook` returns does nothing: the function stays on the hook point for ever.",
        right="self.functions.pop(key, None)",
        wrong="None",
    ),
    Mistake(
        "HookPoint",
        why="You take a function's None for its answer. None means that it only looked: the value stays as it is.",
        right="if replacement is not None:\n        value = replacement",
        wrong="value = replacement",
    ),
    Mistake(
        "HookPoint",
        why="You ask whether the answer is true, and a zero isn't. Ask whether it `is not None`. (For a tensor of "
        "several numbers your question is even an error.)",
        right="if replacement is not None:",
        wrong="if replacement:",
    ),
    Mistake(
        "HookPoint",
        why="You call the functions but return the activation as it came in. The model goes on with what "
        "`forward` returns: so nobody who edits is heard.",
        wrong="key = object()\n"
        "self.functions[key] = function\n"
        "return lambda: self.functions.pop(key, None)\n"
        "### NEXT REGION\n"
        "for function in list(self.functions.values()):\n    function(value, hook=self)\nreturn value",
    ),
    Mistake(
        "HookPoint",
        why="You return after the first function that returned something. The others want to see the value too.",
        right="value = replacement",
        wrong="return replacement",
    ),
    # run_with_hooks
    Mistake(
        "run_with_hooks",
        why="The functions stay on the model when the run is over.",
        right="remove()",
        wrong="pass",
    ),
    Mistake(
        "run_with_hooks",
        why="You take the functions away after the run, but an error never gets there. Put that into `finally:`.",
        wrong="points, removers = hook_points(model), []\n"
        "for name, function in hooks:\n"
        "    points[name]\n"
        "for name, function in hooks:\n"
        "    removers.append(points[name].add_hook(function))\n"
        "out = model(inputs)\n"
        "for remove in removers:\n"
        "    remove()\n"
        "return out",
    ),
    Mistake(
        "run_with_hooks",
        why="You add the functions before the `try:`. When a later name doesn't exist, those of the earlier names "
        "stay behind.",
        wrong="points, removers = hook_points(model), []\n"
        "for name, function in hooks:\n"
        "    removers.append(points[name].add_hook(function))\n"
        "try:\n"
        "    return model(inputs)\n"
        "finally:\n"
        "    for remove in removers:\n"
        "        remove()",
    ),
    Mistake(
        "run_with_hooks",
        why="You clear the hook points. Functions that somebody else had put there are gone as well: take away "
        "only your own, by what `add_hook` returned.",
        right="for remove in removers:\n        remove()",
        wrong="for point in points.values():\n        point.functions.clear()",
    ),
    Mistake(
        "run_with_hooks",
        why="You clear the hook points before the run. Functions that somebody else had put there are gone.",
        right="points, removers = hook_points(model), []",
        wrong="points, removers = hook_points(model), []\nfor point in points.values():\n    point.functions.clear()",
    ),
    Mistake(
        "run_with_hooks",
        why="You take away only the function that was added last.",
        right="for remove in removers:\n        remove()",
        wrong="if removers:\n        removers[-1]()",
    ),
    Mistake(
        "run_with_hooks",
        why="You skip names that don't exist. A slip in a name then looks like an edit without effect.",
        right="removers.append(points[name].add_hook(function))  # an unknown name is a KeyError by itself",
        wrong="if name in points:\n            removers.append(points[name].add_hook(function))",
    ),
    Mistake(
        "run_with_hooks",
        why="You catch errors. Clean up in `finally:` and let them through: whoever called you must hear of them.",
        right="return model(inputs)\nfinally:",
        wrong="return model(inputs)\nexcept Exception:\n    return None\nfinally:",
    ),
    Mistake(
        "run_with_hooks",
        why="You keep one function for each name, as a dictionary does. There may be several for the same hook point.",
        right="for name, function in hooks:",
        wrong="for name, function in dict(hooks).items():",
    ),
    Mistake(
        "run_with_hooks",
        why="You add the functions in the wrong order: those on one hook point are called in the order of the list.",
        right="for name, function in hooks:",
        wrong="for name, function in reversed(list(hooks)):",
    ),
    Mistake(
        "run_with_hooks",
        why="You run the model twice: all functions are called twice, and it takes twice as long.",
        right="return model(inputs)",
        wrong="model(inputs)\n    return model(inputs)",
    ),
    Mistake(
        "run_with_hooks",
        why="You run the model under `torch.no_grad()`. The output has no gradients then; that is for the caller "
        "to decide.",
        right="return model(inputs)",
        wrong="with torch.no_grad():\n        return model(inputs)",
    ),
    Mistake(
        "run_with_hooks",
        why="You put the model into eval mode, and leave it there. Its mode is the caller's business.",
        right="return model(inputs)",
        wrong="return model.eval()(inputs)",
    ),
    Mistake(
        "run_with_hooks",
        why="Your functions never get onto the hook points: you run the model as it is.",
        wrong="points = hook_points(model)\nfor name, _ in hooks:\n    points[name]\nreturn model(inputs)",
    ),
    # run_with_cache
    Mistake(
        "run_with_cache",
        why="You keep the tensor itself, detached but not copied. The model may go on to write into it, and so "
        "may whoever uses your cache: `.detach().clone()`.",
        right="value.detach().clone()",
        wrong="value.detach()",
    ),
    Mistake(
        "run_with_cache",
        why="You keep the tensor itself: neither copied nor detached. `.detach().clone()` does both.",
        right="value.detach().clone()",
        wrong="value",
    ),
    Mistake(
        "run_with_cache",
        why="You keep a copy with its history. Whoever keeps it keeps the record of the whole run alive: `.detach()`.",
        right="value.detach().clone()",
        wrong="value.clone()",
    ),
    Mistake(
        "run_with_cache",
        why="An empty list of names means no activations, but you keep all of them. Ask `names is None`.",
        right="hook_points(model) if names is None else names",
        wrong="names or hook_points(model)",
    ),
    Mistake(
        "run_with_cache",
        why="You keep all activations, whatever `names` says.",
        right="hook_points(model) if names is None else names",
        wrong="hook_points(model)",
    ),
    Mistake(
        "run_with_cache",
        why="Your function returns the detached copy, and the model goes on with that: its output has no way back "
        "any more. Return nothing.",
        right="cache[hook.name] = value.detach().clone()",
        wrong="cache[hook.name] = value.detach().clone()\n    return cache[hook.name].clone()",
    ),
    Mistake(
        "run_with_cache",
        why="Your output has no gradients any more: you run the model under `torch.no_grad()`, or detach what it "
        "gives. Detach what you keep, and leave the run alone.",
        right="out = run_with_hooks(model, inputs, [(name, keep) for name in wanted])",
        wrong="with torch.no_grad():\n    out = run_with_hooks(model, inputs, [(name, keep) for name in wanted])",
    ),
    Mistake(
        "run_with_cache",
        why="Your output has no gradients any more: you run the model under `torch.no_grad()`, or detach what it "
        "gives. Detach what you keep, and leave the run alone.",
        right="return out, cache",
        wrong="return out.detach(), cache",
    ),
    Mistake(
        "run_with_cache",
        why="Everything lands under the last name: a function made in a loop looks its `name` up when it is "
        "*called*, and by then the loop is over. Take `hook.name`, or bind it: `def keep(value, hook, "
        "name=name)`.",
        wrong="cache: dict[str, Tensor] = {}\n"
        "hooks = []\n"
        "for name in hook_points(model) if names is None else names:\n"
        "    hooks.append((name, lambda value, hook: cache.update({name: value.detach().clone()})))\n"
        "out = run_with_hooks(model, inputs, hooks)\n"
        "return out, cache",
    ),
    Mistake(
        "run_with_cache",
        why="You shorten the names: two layers have hook points of the same last name, and one overwrites the other.",
        right="cache[hook.name]",
        wrong='cache[hook.name.rpartition(".")[2]]',
    ),
    Mistake(
        "run_with_cache",
        why="Your functions stay on the model, so that the next run writes into this cache too.",
        wrong="cache: dict[str, Tensor] = {}\n"
        "def keep(value: Tensor, hook: HookPoint) -> None:\n"
        "    cache[hook.name] = value.detach().clone()\n"
        "points = hook_points(model)\n"
        "for name in points if names is None else names:\n"
        "    points[name].add_hook(keep)\n"
        "return model(inputs), cache",
    ),
    Mistake(
        "run_with_cache",
        why="You run the model twice, once to listen and once for the output. One run gives both.",
        right="return out, cache",
        wrong="return model(inputs), cache",
    ),
    Mistake(
        "run_with_cache",
        why="You skip names that don't exist. Let the KeyError come: a slip in a name should be heard of at once.",
        right="if names is None else names",
        wrong="if names is None else [name for name in names if name in hook_points(model)]",
    ),
    Mistake(
        "run_with_cache",
        why="One cache serves all calls: it is made when the function is defined, not when it is called. Make a "
        "new `{}` in each call.",
        right="cache: dict[str, Tensor] = {}",
        wrong='cache = run_with_cache.__dict__.setdefault("cache", {})',
    ),
    # footprint
    Mistake(
        "footprint",
        why="You edit the tensor that came in, in place. The stream before a layer is the same tensor as the "
        "stream after the layer below, and the cache holds it under both names: so your edit seems to have "
        "changed the past. Work on a `clone()`.",
        right="value = value.clone()",
        wrong="value = value",
    ),
    Mistake(
        "footprint",
        why="Your function doesn't return what it made of the activation, and None means that nothing is changed.",
        right="    return value\n",
        wrong="    return None\n",
    ),
    Mistake(
        "footprint",
        why="-inf - -inf is nan, and the scores hold -inf for the future. Where both runs have the same number, "
        "the change is 0.",
        right=".masked_fill(after[key] == before[key], 0.0)",
        wrong="",
    ),
    Mistake(
        "footprint",
        why="You take the largest signed change. A number that has fallen has changed as well: absolute values.",
        right="(after[key] - before[key]).abs()",
        wrong="(after[key] - before[key])",
    ),
    Mistake(
        "footprint",
        why="You take the mean over all numbers of an activation. A change at one position drowns in it: take the "
        "largest.",
        right="change.max().item()",
        wrong="change.nan_to_num(posinf=0.0).mean().item()",
    ),
    Mistake(
        "footprint",
        why="You return the length of the change, as a vector. Asked for is the largest change of a single number.",
        right="change.max().item()",
        wrong="change.norm().item()",
    ),
    Mistake(
        "footprint",
        why="You silence the whole activation, at all positions.",
        right="value[:, position] = 0.0",
        wrong="value[:] = 0.0",
    ),
    Mistake(
        "footprint",
        why="You silence the first axis, which is the prompt: `value[position]`. The position is the second axis.",
        right="value[:, position]",
        wrong="value[position]",
    ),
    Mistake(
        "footprint",
        why="You silence the third axis. The position is the second: `value[:, position]`.",
        right="value[:, position]",
        wrong="value[:, :, position]",
    ),
    Mistake(
        "footprint",
        why="You silence the first prompt only, or compare the first prompt only. The edit is made in all prompts, and "
        "the largest change may be in any.",
        right="value[:, position]",
        wrong="value[0, position]",
    ),
    Mistake(
        "footprint",
        why="You silence all positions from `position` on.",
        right="value[:, position]",
        wrong="value[:, position:]",
    ),
    Mistake(
        "footprint",
        why="Your cache is filled before the edit: the function that keeps comes before the one that silences, so "
        "that the edited activation itself seems unchanged. Inside `with model.hooks(...)`, `run_with_cache` "
        "comes second.",
        right="with model.hooks(fwd_hooks=[(name, silence)]):\n        _, after = model.run_with_cache(tokens)",
        wrong="after, keep, _ = model.get_caching_hooks()\n"
        "    model.run_with_hooks(tokens, fwd_hooks=[*keep, (name, silence)])",
    ),
    Mistake(
        "footprint",
        why="You silence the first prompt only, or compare the first prompt only. The edit is made in all prompts, and "
        "the largest change may be in any.",
        right="(after[key] - before[key]).abs().masked_fill(after[key] == before[key], 0.0)",
        wrong="(after[key] - before[key]).abs().masked_fill(after[key] == before[key], 0.0)[0]",
    ),
    Mistake(
        "footprint",
        why="Your hook stays on the model: `add_hook` leaves it there. Use `with model.hooks(...)`, which takes "
        "it off again.",
        right="with model.hooks(fwd_hooks=[(name, silence)]):\n        _, after = model.run_with_cache(tokens)",
        wrong="model.add_hook(name, silence)\n    _, after = model.run_with_cache(tokens)",
    ),
    # patch_head_position
    Mistake(
        "patch_head_position",
        why="You have head and position the wrong way round. The axes of z are `[batch pos head d_head]`; the "
        "head is axis 1 only in scores and pattern.",
        right="z[:, position, head] = cache[name][:, position, head]",
        wrong="z[:, head, position] = cache[name][:, head, position]",
    ),
    Mistake(
        "patch_head_position",
        why="You put the other run's z of head and position, the wrong way round, into the right place: the axes "
        "are `[batch pos head d_head]` there too.",
        right="cache[name][:, position, head]",
        wrong="cache[name][:, head, position]",
    ),
    Mistake(
        "patch_head_position",
        why="You patch all heads at that position.",
        right="z[:, position, head] = cache[name][:, position, head]",
        wrong="z[:, position] = cache[name][:, position]",
    ),
    Mistake(
        "patch_head_position",
        why="You patch the head at all positions.",
        right="z[:, position, head] = cache[name][:, position, head]",
        wrong="z[:, :, head] = cache[name][:, :, head]",
    ),
    Mistake(
        "patch_head_position",
        why="You put in the whole z of the other run: all heads, all positions.",
        right="z[:, position, head] = cache[name][:, position, head]",
        wrong="z = cache[name]",
    ),
    Mistake(
        "patch_head_position",
        why="You write this run's z into the cache's tensor. What you return is right, but the cache has changed: "
        "whoever patches with it next gets other numbers.",
        right="z = z.clone()\n    z[:, position, head] = cache[name][:, position, head]\n    return z",
        wrong="kept = cache[name][:, position, head].clone()\n"
        "    mixed = cache[name]\n"
        "    mixed[:] = z\n"
        "    mixed[:, position, head] = kept\n"
        "    return mixed",
    ),
    Mistake(
        "patch_head_position",
        why="You patch the first prompt only.",
        right="z[:, position, head] = cache[name][:, position, head]",
        wrong="z[0, position, head] = cache[name][0, position, head]",
    ),
    Mistake(
        "patch_head_position",
        why="You put the first prompt's z into all prompts. Each has its own.",
        right="cache[name][:, position, head]",
        wrong="cache[name][0, position, head]",
    ),
    Mistake(
        "patch_head_position",
        why="You patch the values: `hook_v` is what a position offers to whoever looks at it. `hook_z` is what a "
        "head has collected.",
        right='f"blocks.{layer}.attn.hook_z"',
        wrong='f"blocks.{layer}.attn.hook_v"',
    ),
    Mistake(
        "patch_head_position",
        why="You patch layer 0, whatever `layer` says.",
        right="{layer}",
        wrong="0",
    ),
    Mistake(
        "patch_head_position",
        why="You add the other run's z to this run's. It should take its place.",
        right="z[:, position, head] = cache",
        wrong="z[:, position, head] += cache",
    ),
    Mistake(
        "patch_head_position",
        why="You put zero in the place: that silences the head. Take what it was in the other run, from `cache`.",
        right="z[:, position, head] = cache[name][:, position, head]",
        wrong="z[:, position, head] = 0.0",
    ),
    Mistake(
        "patch_head_position",
        why="Your function returns nothing, and what it made is thrown away: these are the logits of the model as "
        "it is.",
        right="    return z\n",
        wrong="    return None\n",
    ),
    Mistake(
        "patch_head_position",
        why="Your hook stays on the model: `add_hook` leaves it there. `run_with_hooks` takes it off again.",
        right="return model.run_with_hooks(tokens, fwd_hooks=[(name, patch)])",
        wrong="model.add_hook(name, patch)\n    return model(tokens)",
    ),
    # guess_patches
    Mistake(
        "guess_patches",
        why="You cut each layer's z off from what came before. So layer 0 no longer feels what later layers make "
        "of it: its slopes count only its direct way to the logits. Keep the z that the model computes with.",
        right="def keep(z: Tensor, hook: object) -> None:\n    kept.append(z.requires_grad_())",
        wrong="def keep(z: Tensor, hook: object) -> Tensor:\n"
        "    kept.append(z.detach().clone().requires_grad_())\n"
        "    return kept[-1]",
    ),
    Mistake(
        "guess_patches",
        why="Your metric sums over prompts. It is their mean.",
        right="wrong[:, None])).mean()",
        wrong="wrong[:, None])).sum()",
    ),
    Mistake(
        "guess_patches",
        why="You have the sign wrong: a patch moves z from what it is in this run to what it is in the cache.",
        right="cache[name] - z",
        wrong="z - cache[name]",
    ),
    Mistake(
        "guess_patches",
        why="You return the slopes alone. A slope says how fast the metric changes; multiply by how far the patch "
        "moves z.",
        right="move * slope",
        wrong="slope",
    ),
    Mistake(
        "guess_patches",
        why="You multiply by the cached z. That is the move from zero; this patch moves from this run's z.",
        right="cache[name] - z for",
        wrong="cache[name] + 0 * z for",
    ),
    Mistake(
        "guess_patches",
        why="You multiply by minus this run's z. That guesses what it costs to silence the head: the move goes to "
        "the z in the cache.",
        right="cache[name] - z for",
        wrong="0 * cache[name] - z for",
    ),
    Mistake(
        "guess_patches",
        why="Your metric is the logit of `right` alone. Subtract that of `wrong`.",
        right="(logits.gather(1, right[:, None]) - logits.gather(1, wrong[:, None]))",
        wrong="logits.gather(1, right[:, None])",
    ),
    Mistake(
        "guess_patches",
        why="You ask for the first prompt's two tokens in all prompts. Each has its own: `gather`.",
        right="(logits.gather(1, right[:, None]) - logits.gather(1, wrong[:, None]))",
        wrong="(logits[:, right[0]] - logits[:, wrong[0]])",
    ),
    Mistake(
        "guess_patches",
        why="You ask for every token of `right` in every prompt: `logits[:, right]` is `[batch batch]`. Each "
        "prompt has its own token: `gather`, or `logits[torch.arange(len(right)), right]`.",
        right="(logits.gather(1, right[:, None]) - logits.gather(1, wrong[:, None]))",
        wrong="(logits[:, right] - logits[:, wrong])",
    ),
    Mistake(
        "guess_patches",
        why="Your metric is a difference of probabilities. Asked for is the difference of logits.",
        right=")[:, -1]\n",
        wrong=")[:, -1].softmax(-1)\n",
    ),
    Mistake(
        "guess_patches",
        why="Your metric is taken at the first position. It is taken at the last.",
        right=")[:, -1]\n",
        wrong=")[:, 0]\n",
    ),
    Mistake(
        "guess_patches",
        why="Your metric is the mean over all positions. It is taken at the last.",
        right=")[:, -1]\n",
        wrong=").mean(1)\n",
    ),
    Mistake(
        "guess_patches",
        why="You take absolute values. The sign says whether the metric rises or falls.",
        right="return torch.stack(guesses)",
        wrong="return torch.stack(guesses).abs()",
    ),
    Mistake(
        "guess_patches",
        why="You average over a head's entries. The changes that they cause add up: sum.",
        right="(move * slope).sum(dim=(0, 3)).T",
        wrong="(move * slope).sum(0).mean(-1).T",
    ),
    Mistake(
        "guess_patches",
        why="You average over prompts once more. The metric is a mean already, so that the slopes hold the division.",
        right="(move * slope).sum(dim=(0, 3)).T",
        wrong="(move * slope).mean(0).sum(-1).T",
    ),
    Mistake(
        "guess_patches",
        why="Your layers are in the wrong order: the first axis begins with layer 0.",
        right="return torch.stack(guesses)",
        wrong="return torch.stack(guesses[::-1])",
    ),
    Mistake(
        "guess_patches",
        why="`backward()` adds slopes to the `.grad` of all parameters. They are the caller's. "
        "`torch.autograd.grad(metric, kept)` gives the slopes you want and touches nothing else.",
        right="slopes = torch.autograd.grad(metric, kept)",
        wrong="for z in kept:\n    z.retain_grad()\nmetric.backward()\nslopes = [z.grad for z in kept]",
    ),
    Mistake(
        "guess_patches",
        why="In a frozen model nothing asks for slopes, and you don't either: `z.requires_grad_()` in the hook does.",
        right="kept.append(z.requires_grad_())",
        wrong="kept.append(z)",
    ),
    Mistake(
        "guess_patches",
        why="You make a frozen model trainable and leave it so. Whoever froze it doesn't expect that: ask for "
        "slopes at z, with `z.requires_grad_()` in the hook.",
        right="names = [",
        wrong="model.requires_grad_(True)\nnames = [",
    ),
    Mistake(
        "guess_patches",
        why="You make all parameters trainable, and freeze all of them afterwards, also those that were trainable. "
        "Ask for slopes at z, with `z.requires_grad_()` in the hook.",
        right="return torch.stack(guesses)",
        wrong="model.requires_grad_(False)\nreturn torch.stack(guesses)",
    ),
    Mistake(
        "guess_patches",
        why="You run the model more than once. One run will do, if you keep the z of all layers without cutting "
        "any of them off: `torch.autograd.grad` takes a list.",
        wrong="guesses, each = [], torch.arange(len(right))\n"
        "for layer in range(model.config.n_layers):\n"
        "    name, kept = f'blocks.{layer}.attn.hook_z', []\n"
        "    def keep(z: Tensor, hook: object) -> Tensor:\n"
        "        kept.append(z.detach().clone().requires_grad_())\n"
        "        return kept[-1]\n"
        "    logits = model.run_with_hooks(tokens, fwd_hooks=[(name, keep)])[:, -1]\n"
        "    metric = (logits[each, right] - logits[each, wrong]).mean()\n"
        "    (slope,) = torch.autograd.grad(metric, kept)\n"
        "    guesses.append(((cache[name] - kept[0].detach()) * slope).sum((0, 3)).T)\n"
        "return torch.stack(guesses)",
    ),
    Mistake(
        "guess_patches",
        why="Your result still carries the record of the whole computation. Detach it.",
        right="with torch.no_grad():",
        wrong="with torch.enable_grad():",
    ),
]

ALTERNATIVES = [
    Alternative(
        "HookPoint",
        how="with numbers that only grow",
        code="""self.added = getattr(self, "added", 0) + 1
number = self.added
self.functions[number] = function
def remove():
    if number in self.functions:
        del self.functions[number]
return remove
### NEXT REGION
for function in tuple(self.functions.values()):
    out = function(value, hook=self)
    value = value if out is None else out
return value""",
    ),
    Alternative(
        "HookPoint",
        how="with PyTorch's own forward hooks",
        code="""return self.register_forward_hook(lambda module, args, out: function(out, hook=self)).remove
### NEXT REGION
return value""",
    ),
    Alternative(
        "run_with_hooks",
        how="with an ExitStack",
        code="from contextlib import ExitStack\n"
        "with ExitStack() as stack:\n"
        "    points = hook_points(model)\n"
        "    for name, function in hooks:\n"
        "        stack.callback(points[name].add_hook(function))\n"
        "    return model(inputs)",
    ),
    Alternative(
        "run_with_hooks",
        how="by looking at all names first, and putting back what was there",
        code="points = hook_points(model)\n"
        "for name, _ in hooks:\n"
        "    if name not in points:\n"
        "        raise KeyError(f'no hook point {name}')\n"
        "before = {name: dict(point.functions) for name, point in points.items()}\n"
        "try:\n"
        "    for name, function in hooks:\n"
        "        points[name].add_hook(function)\n"
        "    out = model(inputs)\n"
        "finally:\n"
        "    for name, point in points.items():\n"
        "        point.functions.clear()\n"
        "        point.functions.update(before[name])\n"
        "return out",
    ),
    Alternative(
        "run_with_cache",
        how="with a function for each name",
        code="cache = {}\n"
        "def keeper(name):\n"
        "    def keep(value, hook):\n"
        "        cache[name] = torch.clone(value).detach()\n"
        "    return keep\n"
        "if names is None:\n"
        "    names = list(hook_points(model))\n"
        "return run_with_hooks(model, inputs, [(name, keeper(name)) for name in names]), cache",
    ),
    Alternative(
        "run_with_cache",
        how="keeping all of it and choosing at the end, with a hook that passes its value on",
        code="cache = {}\n"
        "def keep(value, *, hook):\n"
        "    cache[hook.name] = value.detach().clone()\n"
        "    return value\n"
        "points = hook_points(model)\n"
        "out = run_with_hooks(model, inputs, [(name, keep) for name in points])\n"
        "return out, {name: cache[name] for name in (points if names is None else names)}",
    ),
    Alternative(
        "footprint",
        how="with nan_to_num, and by a mask",
        code="keep = torch.ones(tokens.shape[1])\n"
        "keep[position] = 0\n"
        "def silence(value, hook):\n"
        "    return value * keep.reshape([1, -1] + [1] * (value.dim() - 2))\n"
        "before = model.run_with_cache(tokens)[1]\n"
        "with model.hooks(fwd_hooks=[(name, silence)]):\n"
        "    after = model.run_with_cache(tokens)[1]\n"
        "return {k: (after[k] - before[k]).detach().abs().nan_to_num(nan=0.0).max().item() for k in before.keys()}",
    ),
    Alternative(
        "footprint",
        how="with add_hook and reset_hooks, and a cache of one's own",
        code="def run(edit):\n"
        "    kept = {}\n"
        "    try:\n"
        "        if edit:\n"
        "            model.add_hook(name, lambda value, hook: value.index_fill(1, torch.tensor([position]), 0.0))\n"
        "        for key in list(model.run_with_cache(tokens)[1]):\n"
        "            model.add_hook(key, lambda value, hook: kept.update({hook.name: value.detach().clone()}))\n"
        "        model(tokens)\n"
        "    finally:\n"
        "        model.reset_hooks()\n"
        "    return kept\n"
        "a, b = run(False), run(True)\n"
        "return {k: torch.where(a[k] == b[k], 0.0, (a[k] - b[k]).abs()).max().item() for k in a}",
    ),
    Alternative(
        "patch_head_position",
        how="in place, in a tensor that nobody else holds, with gradients",
        code="def patch(z, hook):\n"
        "    z[:, position, head] = cache[hook.name][:, position, head]\n"
        "with torch.no_grad(), model.hooks(fwd_hooks=[(f'blocks.{layer}.attn.hook_z', patch)]):\n"
        "    return model(tokens)",
    ),
    Alternative(
        "patch_head_position",
        how="by a mask",
        code="name = f'blocks.{layer}.attn.hook_z'\n"
        "other = cache[name]\n"
        "here = torch.zeros_like(other, dtype=torch.bool)\n"
        "here[:, position, head] = True\n"
        "return model.run_with_hooks(tokens, fwd_hooks=[(name, lambda z, hook: torch.where(here, other, z))]).detach()",
    ),
    Alternative(
        "guess_patches",
        how="with transformer-lens' backward hooks, putting the parameters' gradients back",
        code="before = [(p, p.grad, p.requires_grad) for p in model.parameters()]\n"
        "for p, _, _ in before:\n"
        "    p.grad = None\n"
        "    p.requires_grad_(True)\n"
        "z, slopes = {}, {}\n"
        "names = [f'blocks.{layer}.attn.hook_z' for layer in range(model.cfg.n_layers)]\n"
        "def keep(value, hook):\n"
        "    z[hook.name] = value.detach().clone()\n"
        "def slope(value, hook):\n"
        "    slopes[hook.name] = value.detach().clone()\n"
        "try:\n"
        "    with model.hooks(fwd_hooks=[(n, keep) for n in names], bwd_hooks=[(n, slope) for n in names]):\n"
        "        logits = model(tokens)[:, -1]\n"
        "        each = torch.arange(len(right))\n"
        "        (logits[each, right] - logits[each, wrong]).mean().backward()\n"
        "finally:\n"
        "    for p, grad, flag in before:\n"
        "        p.grad = grad\n"
        "        p.requires_grad_(flag)\n"
        "return torch.stack([((cache[n] - z[n]) * slopes[n]).sum((0, 3)).T for n in names])",
    ),
    Alternative(
        "guess_patches",
        how="at a leaf of zeros that is added to each z",
        code="names = [f'blocks.{layer}.attn.hook_z' for layer in range(model.config.n_layers)]\n"
        "leaves, runs = [], []\n"
        "def nudge(z, hook):\n"
        "    runs.append(z.detach())\n"
        "    leaves.append(torch.zeros_like(z, requires_grad=True))\n"
        "    return z + leaves[-1]\n"
        "log_probs = model.run_with_hooks(tokens, fwd_hooks=[(n, nudge) for n in names])[:, -1].log_softmax(-1)\n"
        "each = torch.arange(len(right))\n"
        "slopes = torch.autograd.grad((log_probs[each, right] - log_probs[each, wrong]).mean(), leaves)\n"
        "return torch.stack([torch.einsum('bphd,bphd->hp', cache[n] - z, s) for n, z, s in zip(names, runs, slopes)])",
    ),
]


# --- HookPoint ------------------------------------------------------------------------------------


def hook_story(learner, value, steps):
    """What comes out of one hook point after each step, what its functions saw, and what went wrong.

    A step: ["add", factor, shift], ["again", n] (the function of the n-th "add" once more), ["look"] (a function that
    returns None), ["remove", n] (what the n-th adding returned is called), or ["pass"] (a value goes through).
    """
    point, functions, removers, outs, seen, faults = learner.HookPoint(), [], [], [], [], []

    def edit(factor, shift):
        return lambda value, hook: None if value is None else value * factor + shift

    def look(value, hook):
        seen.append(value)

    for kind, *rest in steps:
        if kind == "pass":
            outs.append(point(value))
        elif kind == "remove":
            try:
                removers[rest[0]]()
            except KeyError:
                told = f"the function that `add_hook` call number {rest[0]} returned raised a KeyError. A second call "
                faults.append(told + "should do nothing: there is nothing left to take away.")
            except TypeError as fault:
                told = "What `add_hook` returns should be a function that is called without arguments, later, and then "
                faults.append(told + f"takes its function away: `return lambda: ...`. Called so, it says: {fault}.")
        else:
            functions.append(look if kind == "look" else functions[rest[0]] if kind == "again" else edit(*rest))
            removers.append(point.add_hook(functions[-1]))
    return outs, seen, faults


def told_story(value: torch.Tensor, steps: list) -> tuple[list, list]:
    """The oracle of `hook_story`: a plain list of pairs, with None where one was taken away."""
    pairs: list = []
    outs, seen = [], []
    for kind, *rest in steps:
        if kind == "pass":
            x = value
            for pair in pairs:
                if pair == "look":
                    seen.append(x)
                elif pair is not None:
                    x = x * pair[0] + pair[1]
            outs.append(x)
        elif kind == "remove":
            pairs[rest[0]] = None
        else:
            pairs.append("look" if kind == "look" else pairs[rest[0]] if kind == "again" else tuple(rest))
    return outs, seen


def hold_story(submission, value: torch.Tensor, steps: list, what: str, hint: str) -> None:
    """Plays the steps on the learner's hook point, and compares all that came out with a plain list's."""
    outs, seen, faults = submission.run(hook_story, value, steps)
    expected, looked = told_story(value, steps)
    assert not faults, faults[0]
    for n, (out, wanted) in enumerate(zip(outs, expected, strict=True)):
        told = what if len(outs) == 1 else f"{what} (time {n + 1} of {len(outs)} that a value passes)"
        assert_close(out, wanted, told, hint=hint)
    for out, wanted in zip(seen, looked, strict=True):
        assert_close(out, wanted, "what a function that only looks is given", hint=hint)


def factors(draw: Draw, count: int) -> list[list]:
    """`count` steps "add", whose functions can't be exchanged unnoticed."""
    return [["add", 1.5 + float(draw.uniform(1)), float(draw.normal(1))] for _ in range(count)]


def one_number(draw: Draw) -> torch.Tensor:
    """An activation of a single number, well away from zero."""
    return 2.0 + draw.uniform(1)


@checks("HookPoint")
def test_a_case_by_hand(submission):
    """A function that doubles and one that adds 1, added in this order: 3 becomes 7."""
    steps = [["add", 2.0, 0.0], ["add", 1.0, 1.0], ["pass"]]
    hold_story(submission, torch.tensor([3.0]), steps, "what comes out", "First 2 * 3, then + 1.")


@checks("HookPoint")
def test_each_function_gets_what_the_one_before_made(submission, draw: Draw):
    """Without functions the value passes; with several, each works on the result of the one before, in their order."""
    value = one_number(draw)
    hold_story(submission, value, [["pass"]], "what comes out of a hook point without functions", "")
    steps = [*factors(draw, draw.integer(3, 6)), ["pass"]]
    hint = "Go through self.functions in order; what one returns is what the next one gets."
    hold_story(submission, value, steps, "what comes out behind several functions", hint)


@checks("HookPoint")
def test_a_function_that_returns_nothing_changes_nothing(submission, draw: Draw):
    """A function that only looks sees the value as it is at its place in the row, and the value goes on."""
    first, second = factors(draw, 2)
    for steps in ([["look"], first], [first, ["look"], second], [first, ["look"]]):
        hint = "If a function returns None, the value stays what it was before that function."
        hold_story(submission, one_number(draw), [*steps, ["pass"]], "what comes out", hint)


@checks("HookPoint")
def test_a_zero_is_an_answer(submission, draw: Draw):
    """A function may well return zero: that is not None."""
    steps = [["add", 0.0, 0.0], ["pass"]]
    hint = "Ask `is not None`: a zero is false in an `if`."
    hold_story(submission, one_number(draw), steps, "what comes out behind a function that returns 0", hint)


def handed_over(learner, value):
    """What a function is called with: how many arguments by place, the names of the others, and if it is the point."""
    point, calls = learner.HookPoint(), []

    def note(*args, **kwargs):
        calls.append((len(args), sorted(kwargs), any(item is point for item in [*args, *kwargs.values()])))

    point.add_hook(note)
    point(value)
    return calls


@checks("HookPoint")
def test_a_function_is_told_where_it_is(submission, draw: Draw):
    """It is called once for each value, as `function(value, hook=self)`."""
    calls = submission.run(handed_over, one_number(draw))
    assert_equal(len(calls), 1, "the number of times that a function is called for one value")
    by_place, by_name, told = calls[0]
    assert told, "A function should be handed the hook point itself, as `hook=self`; it can ask that for its `name`."
    right = (by_place, by_name) == (1, ["hook"])
    assert right, (
        f"The call has {by_place} arguments by place and these by name: {by_name}. "
        "It should be `function(value, hook=self)`."
    )


@checks("HookPoint")
def test_what_add_hook_returns_takes_away_its_own_function(submission, draw: Draw):
    """Functions are taken away in any order, and others are added in between: the rest stays, in order."""
    order = draw.permutation(4).tolist()
    steps = [*factors(draw, 4), ["pass"]]
    for place, gone in enumerate(order[:3]):
        steps += [["remove", gone], ["pass"], *factors(draw, place % 2), ["pass"]]
    steps += [*factors(draw, 2), ["remove", 5], ["pass"]]
    hint = "Each `add_hook` needs a key of its own, that is never used again, and returns what removes that key."
    hold_story(submission, one_number(draw), steps, "what comes out when functions come and go", hint)


@checks("HookPoint")
def test_the_first_place_can_be_freed_and_filled(submission, draw: Draw):
    """One is taken away and another is added: neither that nor a second removal touches the functions of others."""
    a, b, c = factors(draw, 3)
    steps = [a, b, ["remove", 0], c, ["pass"]]
    hint = "Is your key in use already? The number of functions is, after a removal."
    hold_story(submission, one_number(draw), steps, "what comes out", hint)
    steps = [a, ["remove", 0], b, ["remove", 0], ["pass"]]
    hint = "The first remover, called once more, took away the second function. A key must never be used again."
    hold_story(submission, one_number(draw), steps, "what comes out", hint)


@checks("HookPoint")
def test_a_function_added_twice_has_two_places(submission, draw: Draw):
    """Added twice it is called twice; each of the two is taken away by itself, and once."""
    a, b = factors(draw, 2)
    steps = [a, b, ["again", 0], ["pass"], ["remove", 2], ["pass"], ["remove", 2], ["pass"], ["remove", 0], ["pass"]]
    hint = "A function is no key: the same one may come twice."
    hold_story(submission, one_number(draw), steps, "what comes out", hint)


def passed_through(learner, value):
    """How a value passes that wants its gradient: is it the very tensor, and what is the slope; and of an error."""
    value.requires_grad_()
    point, seen = learner.HookPoint(), []
    alone = point(value)
    point.add_hook(lambda value, hook: seen.append(value))
    watched = point(value)
    same = [item is value for item in (alone, watched, *seen)]
    point.add_hook(lambda value, hook: None if value is None else 3 * value)
    out = point(value)
    slope = None
    if out is not None and out.requires_grad:
        slope = torch.autograd.grad(out.sum(), value)[0].item()

    def stumble(value, hook):
        raise RuntimeError("trouble")

    point.add_hook(stumble)
    try:
        point(value)
    except RuntimeError as fault:
        return same, slope, str(fault)
    return same, slope, "no error"


@checks("HookPoint")
def test_the_value_itself_passes_and_errors_do(submission, draw: Draw):
    """No copy is made and no gradient is lost on the way; an error that a function raises comes through."""
    same, slope, error = submission.run(passed_through, one_number(draw))
    assert_equal(
        same,
        [True] * 3,
        "whether the very same tensor comes out without functions, comes out behind one that only looks, and is seen "
        "by that one",
        hint="No clone and no detach: an activation costs memory, and the model needs its gradients.",
    )
    assert slope is not None, (
        "Behind a hook point the value has no gradients any more. Leave out torch.no_grad() and .detach()."
    )
    assert_close(slope, 3.0, "the slope behind a function that triples")
    assert_equal(error, "trouble", "the error that a function raised", hint="Don't catch it.")


# --- run_with_hooks and run_with_cache ------------------------------------------------------------


def build_chain(learner, matrices):
    """A model with hook points: "hook_in", then for each matrix "stages.0.hook_pre" and "stages.0.hook_post" ..."""

    class Stage(nn.Module):
        def __init__(self, matrix):
            super().__init__()
            self.W = nn.Parameter(matrix)
            self.hook_pre, self.hook_post = learner.HookPoint(), learner.HookPoint()

        def forward(self, x):
            pre = self.hook_pre(x @ self.W)
            return self.hook_post(pre.mul_(-2))  # in place: whoever kept `pre` sees it change

    class Chain(nn.Module):
        def __init__(self):
            super().__init__()
            self.hook_in = learner.HookPoint()
            self.stages = nn.ModuleList(Stage(matrix) for matrix in matrices)
            self.runs, self.trouble = 0, ""

        def forward(self, x):
            self.runs += 1
            x = self.hook_in(x)
            for stage in self.stages:
                x = stage(x)
            if self.trouble:
                raise RuntimeError(self.trouble)
            return x.clone()

    return Chain()


class Chain:
    """A drawn chain, and what it should give: by a loop, with a list of edits (name, factor, shift)."""

    def __init__(self, submission, draw: Draw):
        self.sizes = draw.sizes(4)
        pairs = list(zip(self.sizes[1:-1], self.sizes[2:], strict=True))
        self.matrices = [draw.normal(a, b) / a**0.5 for a, b in pairs]
        self.x = draw.normal(*self.sizes[:2])
        self.other = draw.normal(*self.sizes[:2])
        self.model = submission.run(build_chain, self.matrices)
        self.names = ["hook_in", *(f"stages.{i}.{part}" for i in range(2) for part in ("hook_pre", "hook_post"))]

    def passed(self, x: torch.Tensor, edits: list) -> dict[str, torch.Tensor]:
        """What each hook point passes on; the last is the output."""

        def through(name: str, value: torch.Tensor) -> torch.Tensor:
            for _, factor, shift in (edit for edit in edits if edit[0] == name):
                value = value * factor + shift
            return value

        values = {"hook_in": through("hook_in", x)}
        for i, matrix in enumerate(self.matrices):
            before = list(values.values())[-1]
            values[f"stages.{i}.hook_pre"] = through(f"stages.{i}.hook_pre", before @ matrix)
            values[f"stages.{i}.hook_post"] = through(f"stages.{i}.hook_post", values[f"stages.{i}.hook_pre"] * -2)
        return values

    def out(self, x: torch.Tensor, edits: list) -> torch.Tensor:
        """What the model puts out."""
        return list(self.passed(x, edits).values())[-1]

    def hold_clean(self, when: str, edits: list, hint: str = "") -> None:
        """The model as it is now gives what it gives with these edits alone."""
        hint = hint or "Take away your functions, and only yours, in `finally:`."
        what = f"what the model itself gives {when}"
        assert_close(self.model(self.other), self.out(self.other, edits), what, hint=hint, rtol=1e-3)


def draw_edits(draw: Draw, names: list[str]) -> list[list]:
    """One edit for each name: a factor and a shift."""
    return [[name, 1.5 + float(draw.uniform(1)), 1.0 + float(draw.uniform(1))] for name in names]


def put(learner, model, edits):
    """Somebody else's functions, put on the hook points for good."""
    for name, factor, shift in edits:
        model.get_submodule(name).add_hook(lambda value, hook, a=factor, b=shift: value * a + b)


def run_edited(learner, model, x, edits):
    """The learner's run with these edits as hooks, and how often the model has run by then."""
    hooks = [(name, lambda value, hook, a=factor, b=shift: value * a + b) for name, factor, shift in edits]
    return learner.run_with_hooks(model, x, hooks), model.runs


@checks("run_with_hooks")
def test_without_hooks_the_model_runs_as_it_is(submission, draw: Draw):
    """With an empty list it is `model(inputs)`."""
    chain = Chain(submission, draw)
    out, runs = submission.run(run_edited, chain.model, chain.x, [])
    assert_close(out, chain.out(chain.x, []), "what comes back without hooks", rtol=1e-3)
    assert_equal(runs, 1, "the number of times that the model has run")


@checks("run_with_hooks")
def test_each_function_is_on_its_hook_point(submission, draw: Draw):
    """Edits at several names, some of them several times: each is made where its name says, once, in their order."""
    chain = Chain(submission, draw)
    names = [chain.names[i] for i in draw.permutation(5).tolist()[:3]]
    edits = draw_edits(draw, [*names, *reversed(names)])
    out, runs = submission.run(run_edited, chain.model, chain.x, edits)
    hint = "Put each function on points[name], in the order of the list; one name may come several times."
    assert_close(
        out, chain.out(chain.x, edits), f"what comes back with hooks on {names}, twice each,", hint=hint, rtol=1e-3
    )
    assert_equal(runs, 1, "the number of times that the model has run")


@checks("run_with_hooks")
def test_functions_come_after_those_that_were_there(submission, draw: Draw):
    """Somebody's functions are on the model already: they come first, and stay when the run is over."""
    chain = Chain(submission, draw)
    theirs, own = draw_edits(draw, chain.names[1:4]), draw_edits(draw, chain.names[:3])
    submission.run(put, chain.model, theirs)
    out, _ = submission.run(run_edited, chain.model, chain.x, own)
    assert_close(out, chain.out(chain.x, [*theirs, *own]), "what comes back where others have hooks too", rtol=1e-3)
    chain.hold_clean("afterwards (others' hooks were on it before the call)", theirs)


@checks("run_with_hooks")
def test_nothing_is_left_behind(submission, draw: Draw):
    """After the run the model is as it was; a second run has its own functions only."""
    chain = Chain(submission, draw)
    for count in (3, 1):
        edits = draw_edits(draw, chain.names[:count])
        out, _ = submission.run(run_edited, chain.model, chain.x, edits)
        assert_close(out, chain.out(chain.x, edits), "what comes back", rtol=1e-3)
        chain.hold_clean("after the run", [])
    assert_equal(chain.model.get("training"), True, "model.training after the run")


def run_failing(learner, model, x, edits, where, trouble):
    """A run in which something fails: the "model", a "function" or a "name". The error, and if the model has run."""
    hooks = [(name, lambda value, hook, a=factor, b=shift: value * a + b) for name, factor, shift in edits]

    def stumble(value, hook):
        raise RuntimeError(trouble)

    if where == "function":
        hooks.append(("stages.1.hook_pre", stumble))
    elif where == "name":
        hooks.insert(2, (trouble, lambda value, hook: None))
    else:
        model.trouble = trouble
    before = model.runs
    try:
        learner.run_with_hooks(model, x, hooks)
    except NotImplementedError:
        raise
    except Exception as fault:
        return type(fault).__name__, str(fault), model.runs - before
    finally:
        model.trouble = ""
    return "no error", "", model.runs - before


@checks("run_with_hooks")
def test_nothing_is_left_behind_after_an_error(submission, draw: Draw):
    """The model fails, or a function does: the error comes through, your functions are gone, others' are there."""
    for where, told in {"model": "the model", "function": "one of the functions"}.items():
        chain, trouble = Chain(submission, draw), f"trouble {draw.integer(0, 1000)}"
        theirs, own = draw_edits(draw, chain.names[2:4]), draw_edits(draw, chain.names[:3])
        submission.run(put, chain.model, theirs)
        kind, text, _ = submission.run(run_failing, chain.model, chain.x, own, where, trouble)
        hint = "Don't catch errors: `try:` with `finally:` cleans up and lets them through."
        assert_equal((kind, text), ("RuntimeError", trouble), f"the error that {told} raised", hint=hint)
        chain.hold_clean(f"after {told} has raised an error (others' hooks were on it before)", theirs)


@checks("run_with_hooks")
def test_an_unknown_name_is_a_key_error(submission, draw: Draw):
    """The third name doesn't exist: a KeyError, the model has not run, and the first two functions are gone."""
    chain = Chain(submission, draw)
    name = f"stages.{draw.integer(2, 9)}.hook_pre"
    own = draw_edits(draw, chain.names[:3])
    kind, _, runs = submission.run(run_failing, chain.model, chain.x, own, "name", name)
    hint = "`hook_points(model)[name]` raises it by itself."
    assert_equal(kind, "KeyError", f"what comes of the name {name!r}, which no hook point has,", hint=hint)
    assert_equal(runs, 0, "the number of times that the model has run, where a name doesn't exist,")
    chain.hold_clean("after a KeyError", [], "Functions were added before the name was found wrong: clean up then too.")


def names_told(learner, model, x, names):
    """The names of the hook points, as the functions on them find them."""
    told = []
    learner.run_with_hooks(model, x, [(name, lambda value, hook: told.append(hook.name)) for name in names])
    return told


@checks("run_with_hooks")
def test_a_function_finds_the_name_of_its_hook_point(submission, draw: Draw):
    """`hook.name` is the full name, such as "stages.1.hook_pre": `hook_points(model)` writes it."""
    chain = Chain(submission, draw)
    told = submission.run(names_told, chain.model, chain.x, list(reversed(chain.names)))
    assert_equal(told, chain.names, "the names that the functions found, in the order of the run,")


def gradient_of(learner, model, x, direction):
    """The gradient of the first matrix, through a run with a hook that doubles; None where there is none."""
    out = learner.run_with_hooks(model, x, [("stages.0.hook_post", lambda value, hook: value * 2)])
    if not out.requires_grad:
        return None
    return torch.autograd.grad((out * direction).sum(), model.stages[0].W)[0]


@checks("run_with_hooks")
def test_the_output_has_its_gradients(submission, draw: Draw):
    """Slopes flow back through the hooks."""
    chain = Chain(submission, draw)
    direction = draw.normal(*chain.out(chain.x, []).shape)
    found = submission.run(gradient_of, chain.model, chain.x, direction)
    assert found is not None, "The output has no gradients any more. Run the model as it is, without torch.no_grad()."
    expected = chain.x.T @ (direction @ chain.matrices[1].T) * (2 * -2 * -2)
    assert_close(found, expected, "the gradient of the first matrix, with a hook that doubles,", rtol=1e-3, atol=1e-4)


def hold_cache(cache: dict, expected: dict[str, torch.Tensor], names: list[str], also: str = "") -> None:
    """The cache has these names and no others, each with what its hook point passed on."""
    missing, more = [name for name in names if name not in cache], [name for name in cache if name not in names]
    assert not missing, f"The cache has no {missing[0]!r}. It has {list(cache)}."
    assert not more, f"The cache has {more[0]!r}, which wasn't asked for."
    for name in names:
        hint = also or ("The model goes on to write into that tensor: keep a copy." if name.endswith("pre") else "")
        assert_close(cache[name], expected[name], f"the activation at {name!r}", hint=hint, rtol=1e-3)


@checks("run_with_cache")
def test_all_activations_are_kept(submission, draw: Draw):
    """Without names: the output, and for each hook point what it passed on, though the model writes over some of it."""
    chain = Chain(submission, draw)
    out, cache = submission.run_with_cache(chain.model, chain.x)
    assert_close(out, chain.out(chain.x, []), "the output", rtol=1e-3)
    hold_cache(cache, chain.passed(chain.x, []), chain.names)
    hint = "One run gives both, the output and what is kept."
    assert_equal(chain.model.get("runs"), 1, "the number of times that the model has run", hint=hint)


def first_of_two(learner, model, x, other, names):
    """A cache, looked at again after another was filled."""
    _, first = learner.run_with_cache(model, x, names)
    learner.run_with_cache(model, other, names)
    return first


@checks("run_with_cache")
def test_only_the_names_asked_for_are_kept(submission, draw: Draw):
    """With some names only these; with an empty list, none. Each call has a cache of its own."""
    chain = Chain(submission, draw)
    order = draw.permutation(5).tolist()
    for names in ([chain.names[i] for i in order[:3]], [chain.names[i] for i in order[3:4]], []):
        out, cache = submission.run_with_cache(chain.model, chain.x, names)
        assert_close(out, chain.out(chain.x, []), "the output", rtol=1e-3)
        hold_cache(cache, chain.passed(chain.x, []), names)
    first = submission.run(first_of_two, chain.model, chain.x, chain.other, chain.names)
    hint = "A second call has written into the first one's cache: make a new dictionary, with copies, in each call."
    hold_cache(first, chain.passed(chain.x, []), chain.names, hint)


@checks("run_with_cache")
def test_what_others_made_of_it_is_kept(submission, draw: Draw):
    """Where others' functions are on the model, the cache holds what comes out of them, and they stay."""
    chain = Chain(submission, draw)
    theirs = draw_edits(draw, chain.names[1:4])
    submission.run(put, chain.model, theirs)
    out, cache = submission.run_with_cache(chain.model, chain.x)
    assert_close(out, chain.out(chain.x, theirs), "the output, with others' hooks on the model,", rtol=1e-3)
    hint = "Keep what comes out behind the functions that were there before, and a copy of it: the model writes on."
    hold_cache(cache, chain.passed(chain.x, theirs), chain.names, hint)
    chain.hold_clean("afterwards", theirs)


def second_run(learner, model, x, other, names):
    """A cache, looked at again after the model has run on something else."""
    _, cache = learner.run_with_cache(model, x, names)
    model(other)
    return cache


@checks("run_with_cache")
def test_the_next_run_is_not_recorded(submission, draw: Draw):
    """When the model runs again, on something else, the cache stays what it was."""
    chain = Chain(submission, draw)
    names = chain.names[1:4]
    cache = submission.run(second_run, chain.model, chain.x, chain.other, names)
    for name in names:
        hint = "Is your function still on the model (`run_with_hooks` takes it off), or is what you keep no copy?"
        what = f"the activation at {name!r}, after the model has run on something else,"
        assert_close(cache.get(name), chain.passed(chain.x, [])[name], what, hint=hint, rtol=1e-3)


def moved_together(learner, model, x):
    """Adds 1 to one kept activation at a time; what else has changed by it: "A -> B"."""
    out, cache = learner.run_with_cache(model, x)
    everything = {**{f"cache[{name!r}]": value for name, value in cache.items()}, "the input": x, "the output": out}
    moved = []
    with torch.no_grad():
        for name in list(everything)[:-2]:
            before = {key: value.clone() for key, value in everything.items() if key != name}
            everything[name].add_(1)
            moved += [f"{name} -> {key}" for key, value in before.items() if not torch.equal(value, everything[key])]
    return moved


@checks("run_with_cache")
def test_each_activation_is_a_copy(submission, draw: Draw):
    """Whoever changes a kept activation in place changes no other one, nor the input, nor the output."""
    chain = Chain(submission, draw)
    moved = submission.run(moved_together, chain.model, chain.x)
    assert not moved, (
        f"When the first of these is changed in place, so is the second: {moved[0]}. They are one piece of memory "
        "with two names; `.clone()` makes a tensor of its own."
    )


def slopes_with_cache(learner, model, x, names, direction):
    """The names whose activations still require a gradient, and the gradient of the first matrix (or None)."""
    out, cache = learner.run_with_cache(model, x, names)
    still = [name for name, value in cache.items() if value.requires_grad]
    if not out.requires_grad:
        return still, None
    (slope,) = torch.autograd.grad((out * direction).sum(), model.stages[0].W, allow_unused=True)
    return still, torch.zeros_like(model.stages[0].W) if slope is None else slope


@checks("run_with_cache")
def test_what_is_kept_is_detached_and_the_output_is_not(submission, draw: Draw):
    """Kept activations require no gradient. The output has the gradients that it has when nobody listens."""
    chain = Chain(submission, draw)
    direction = draw.normal(*chain.out(chain.x, []).shape)
    expected = chain.x.T @ (direction @ chain.matrices[1].T) * (-2 * -2)
    for names in (["stages.0.hook_post"], None):
        still, slope = submission.run(slopes_with_cache, chain.model, chain.x, names, direction)
        assert not still, (
            f"The kept activation of {still[0]!r} still requires a gradient: keep `value.detach().clone()`."
        )
        assert slope is not None, "The output has no gradients any more: detach what you keep, and leave the run alone."
        hint = "Does your function return something? It only looks: let it return None."
        assert_close(slope, expected, "the gradient of the first matrix", hint=hint, rtol=1e-3, atol=1e-4)


def cache_failing(learner, model, x, names, trouble):
    """The error of a run with cache that fails, and what the model gives afterwards."""
    model.trouble = trouble
    try:
        learner.run_with_cache(model, x, names)
    except NotImplementedError:
        raise
    except Exception as fault:
        return type(fault).__name__, str(fault)
    finally:
        model.trouble = ""
    return "no error", ""


@checks("run_with_cache")
def test_errors_come_through(submission, draw: Draw):
    """The model's own error, and a KeyError for a name that doesn't exist."""
    chain, trouble = Chain(submission, draw), f"trouble {draw.integer(0, 1000)}"
    found = submission.run(cache_failing, chain.model, chain.x, None, trouble)
    assert_equal(tuple(found), ("RuntimeError", trouble), "the error that the model raised")
    kind, _ = submission.run(cache_failing, chain.model, chain.x, ["hook_in", "stages.7.hook_in"], "")
    assert_equal(kind, "KeyError", "what comes of a name that no hook point has")


# --- on transformer-lens' hooks -------------------------------------------------------------------


def draw_model(draw: Draw, **config):
    """A small random model, with other sizes on each axis: 4 heads of 3, at most 7 positions."""
    sizes = {"n_layers": 3, "n_heads": 4, "d_head": 3, "d_model": 10, "d_vocab": 13, "n_ctx": 7}
    return draw.model(**{**sizes, "attn_only": True, **config})


def restart(model, layer: int, mid: torch.Tensor) -> torch.Tensor:
    """The logits, where the stream behind layer `layer`'s attention is `mid`: no hook has a part in it."""
    block = model.blocks[layer]
    after = mid if model.config.attn_only else mid + block.mlp(block.ln2(mid))
    return model(after, start_at_layer=layer + 1)


def streams(model, tokens: torch.Tensor) -> tuple[list[torch.Tensor], list[torch.Tensor]]:
    """For each layer: its heads' z, and the stream behind its attention."""
    with torch.no_grad():
        _, cache = model.run_with_cache(tokens)
    middle = "resid_post" if model.config.attn_only else "resid_mid"
    layers = range(model.config.n_layers)
    return [cache["z", layer] for layer in layers], [cache[middle, layer] for layer in layers]


def plain_cache(model, tokens: torch.Tensor) -> dict[str, torch.Tensor]:
    """The activations by full name, as a plain dictionary of tensors of their own."""
    with torch.no_grad():
        return {name: value.clone() for name, value in model.run_with_cache(tokens)[1].items()}


def largest_changes(before: dict, after: dict) -> dict[str, float]:
    """By a list of Python floats: the largest absolute change of each activation; equal numbers have none."""
    found = {}
    for name in before:
        pairs = zip(before[name].flatten().tolist(), after[name].flatten().tolist(), strict=True)
        found[name] = max(0.0 if a == b else abs(a - b) for a, b in pairs)
    return found


def hold_changes(found: dict, expected: dict[str, float], name: str) -> None:
    """Each activation's change, within rounding."""
    missing, more = [key for key in expected if key not in found], [key for key in found if key not in expected]
    assert not missing, f"The answer has no {missing[0]!r}. All that run_with_cache keeps should be in it."
    assert not more, f"The answer has {more[0]!r}, which run_with_cache doesn't keep."
    for key, change in expected.items():
        hint = ""
        if change == 0.0:
            hint = (
                "It is computed before the edit. If it seems to change, the edit was made in place, in a shared tensor."
            )
            if found[key] != found[key]:
                hint = "-inf - -inf is nan: where both runs have the same number, the change is 0."
        elif key == name:
            hint = "This is the edited activation itself, as the rest of the model sees it."
        assert_close(
            found[key], change, f"the change of {key!r}, when {name!r} is silenced,", hint=hint, rtol=1e-3, atol=1e-4
        )


@checks("footprint")
def test_an_edit_of_the_stream_is_felt_downstream(submission, draw: Draw):
    """The stream before a layer, silenced at one position: as when the model is started there, with that stream."""
    for config in ({}, {"attn_only": False}):
        model, batch = draw_model(draw, **config), 8
        tokens = draw.integers(0, 13, batch, 6)
        for layer in (2, 1):
            name, position = f"blocks.{layer}.hook_resid_pre", draw.integer(0, 6)
            before = plain_cache(model, tokens)
            stream = before[name].clone()
            stream[:, position] = 0.0
            with torch.no_grad():
                _, restarted = model.run_with_cache(stream, start_at_layer=layer)
            after = {**before, **dict(restarted.items())}
            hold_changes(submission.footprint(model, tokens, name, position), largest_changes(before, after), name)


@checks("footprint")
def test_an_edit_of_heads_is_felt_from_there_on(submission, draw: Draw):
    """What the heads of a layer have collected at one position: all heads of all prompts are silenced, nothing else."""
    model = draw_model(draw)
    tokens, layer, position = draw.integers(0, 13, 8, 6), draw.integer(0, 2), draw.integer(1, 3)
    name, before = f"blocks.{layer}.attn.hook_z", plain_cache(model, tokens)
    gone = torch.zeros_like(before[name])
    gone[:, position] = before[name][:, position]
    attention = model.blocks[layer].attn
    with torch.no_grad():
        write = torch.einsum("bphd,hdm->bpm", before[name] - gone, attention.W_O) + attention.b_O
        stream = before[f"blocks.{layer}.hook_resid_pre"] + write
        _, restarted = model.run_with_cache(stream, start_at_layer=layer + 1)
    after = {**before, **dict(restarted.items()), name: before[name] - gone}
    after |= {f"blocks.{layer}.hook_attn_out": write, f"blocks.{layer}.hook_resid_post": stream}
    hold_changes(submission.footprint(model, tokens, name, position), largest_changes(before, after), name)


@checks("footprint", seconds=15.0)  # the first check of all to need a shipped model waits for its loading
def test_the_note_that_induction_reads(submission, draw: Draw):
    """In induction-2l, at the token to be copied: silencing layer 0's notes moves layer 1's attention, not the past."""
    model = shared_model("induction-2l")
    rows = torch.stack([4 + draw.permutation(60)[:7] for _ in range(9)])
    tokens = torch.cat([torch.zeros(9, 1, dtype=torch.long), rows, rows], dim=1)
    found = submission.footprint(model, tokens, "blocks.0.hook_attn_out", 7)
    keys, pattern = found.get("blocks.1.attn.hook_k", 0.0), found.get("blocks.1.attn.hook_pattern", 0.0)
    assert keys > 0.5, f"The keys of layer 1 should change by more than 0.5, but the largest change is {keys:.3g}."
    assert pattern > 0.3, (
        f"The pattern of layer 1 should change by more than 0.3, but it does by {pattern:.3g} at most."
    )
    past = [found.get(f"blocks.0.attn.hook_{part}") for part in ("q", "k", "v", "attn_scores", "pattern", "z")]
    assert_equal(past, [0.0] * 6, "the changes of layer 0's q, k, v, scores, pattern and z")


def patched_logits(model, tokens, cache: dict, layer: int, head: int, position: int) -> torch.Tensor:
    """The oracle: the stream behind the layer's attention, moved by what the head would write instead."""
    z, mid = streams(model, tokens)
    stream = mid[layer].clone()
    for prompt in range(len(tokens)):
        move = cache[f"blocks.{layer}.attn.hook_z"][prompt, position, head] - z[layer][prompt, position, head]
        stream[prompt, position] += move @ model.blocks[layer].attn.W_O[head]
    return restart(model, layer, stream)


@checks("patch_head_position")
def test_the_runs_own_cache_changes_nothing(submission, draw: Draw):
    """With the activations of the same run in the cache, the logits are those of the model as it is."""
    model = draw_model(draw)
    tokens = draw.integers(0, 13, 5, 6)
    place = draw.integer(0, 3), *draw.permutation(4).tolist()[:2]
    logits = submission.patch_head_position(model, tokens, plain_cache(model, tokens), *place)
    with torch.no_grad():
        assert_close(logits, model(tokens), "the logits, patched from the run's own cache,", rtol=1e-3, atol=1e-4)


@checks("patch_head_position")
def test_one_head_at_one_position_is_patched(submission, draw: Draw):
    """The logits move as the stream moves when that head writes, at that position, what it wrote in the other run."""
    for config in ({}, {"attn_only": False}):
        model = draw_model(draw, **config)
        tokens, others = draw.integers(0, 13, 2, 5, 6)
        cache = plain_cache(model, others)
        for layer in draw.permutation(3).tolist()[:2]:
            head, position = draw.permutation(4).tolist()[:2]
            logits = submission.patch_head_position(model, tokens, cache, layer, head, position)
            with torch.no_grad():
                expected = patched_logits(model, tokens, cache, layer, head, position)
            what = f"the logits with layer {layer}, head {head} patched at position {position}"
            hint = "z is [batch pos head d_head]: z[:, position, head] takes the place of this run's."
            assert_close(logits, expected, what, hint=hint, rtol=1e-3, atol=1e-4)


@checks("patch_head_position")
def test_earlier_positions_know_nothing_of_it(submission, draw: Draw):
    """No logit before the patched position changes, whichever head it is; at the position itself some do."""
    model = draw_model(draw)
    tokens, others = draw.integers(0, 13, 2, 5, 6)
    cache, position = plain_cache(model, others), draw.integer(2, 5)
    with torch.no_grad():
        clean = model(tokens)
    head, layer = draw.integer(0, 4), draw.integer(0, 3)
    logits = submission.patch_head_position(model, tokens, cache, layer, head, position)
    assert_close(
        logits[:, :position], clean[:, :position], f"the logits before position {position}", rtol=1e-3, atol=1e-4
    )
    moved = (logits[:, position] - clean[:, position]).abs().max().item()
    assert moved > 1e-4, f"No logit at position {position} changes, though the head there was patched."


def two_rows(draw: Draw) -> tuple[torch.Tensor, torch.Tensor, int, int]:
    """A random row that comes twice, less its last token; the same with two tokens of the first copy exchanged.

    In the first the last token is followed by that of the row's end, in the second by the one after position `a`.
    """
    row = (4 + draw.permutation(60)[:7]).tolist()
    a = draw.integer(1, 4)
    swapped = [*row]
    swapped[a], swapped[5] = row[5], row[a]
    rows = [torch.tensor([[0, *first, *row[:6]]]) for first in (row, swapped)]
    return rows[0], rows[1], row[6], row[a + 1]


def patched_or_told(learner, model, tokens, cache, layer, head, position):
    """The patched logits, or what PyTorch says of an index that is out of range."""
    try:
        return learner.patch_head_position(model, tokens, cache, layer, head, position)
    except IndexError as fault:
        return str(fault)


@checks("patch_head_position", seconds=15.0)  # the first check of all to need a shipped model waits for its loading
def test_the_head_that_copies_carries_the_answer(submission, draw: Draw):
    """In induction-2l, patching layer 1, head 1 at the last position turns the answer into the other prompt's."""
    model = shared_model("induction-2l")
    tokens, others, right, wrong = two_rows(draw)
    cache = plain_cache(model, others)
    logits = submission.run(patched_or_told, model, tokens, cache, 1, 1, tokens.shape[1] - 1)
    assert isinstance(logits, torch.Tensor), (
        f"Head 1, position 13 of `hook_z`, which is {list(cache['blocks.1.attn.hook_z'].shape)} here: an index is out "
        f"of range. The axes are [batch pos head d_head]. (PyTorch said: {logits})"
    )
    logits = logits[0, -1]
    with torch.no_grad():
        clean = model(tokens)[0, -1]
    drop = (clean[right] - clean[wrong]) - (logits[right] - logits[wrong])
    assert drop > 2, f"The logit difference should fall by more than 2, but it falls by {drop.item():.3g}."
    assert_close(logits, patched_logits(model, tokens, cache, 1, 1, 13)[0, -1], "the last logits", rtol=1e-3, atol=1e-3)


# --- guess_patches --------------------------------------------------------------------------------


@torch.no_grad()
def true_guesses(model, tokens, cache: dict, right, wrong, step: float = 1e-3) -> torch.Tensor:
    """By finite differences, in float64: a thousandth of each patch both ways, times a thousand, half of it."""
    model = copy.deepcopy(model).double()
    z, mid = streams(model, tokens)
    each = torch.arange(len(tokens))
    guesses = torch.zeros(model.config.n_layers, model.config.n_heads, tokens.shape[1], dtype=torch.float64)
    for layer in range(model.config.n_layers):
        moves = cache[f"blocks.{layer}.attn.hook_z"].double() - z[layer]
        writes = torch.einsum("bphd,hdm->bphm", moves, model.blocks[layer].attn.W_O)
        for head in range(model.config.n_heads):
            for position in range(tokens.shape[1]):
                metrics = []
                for sign in (1, -1):
                    stream = mid[layer].clone()
                    stream[:, position] += sign * step * writes[:, position, head]
                    logits = restart(model, layer, stream)[:, -1]
                    metrics.append((logits[each, right] - logits[each, wrong]).mean())
                guesses[layer, head, position] = (metrics[0] - metrics[1]) / (2 * step)
    return guesses.float()


def draw_question(draw: Draw, **config) -> tuple:
    """A model, prompts, another run's cache, and two tokens for each prompt: all that `guess_patches` takes."""
    model = draw_model(draw, **config)
    tokens, others = draw.integers(0, 13, 2, 3, 5)
    pairs = [draw.permutation(13)[:2].tolist() for _ in range(3)]
    right, wrong = torch.tensor(pairs).T.contiguous()
    return model, tokens, plain_cache(model, others), right, wrong


@checks("guess_patches")
def test_the_runs_own_cache_foretells_nothing(submission, draw: Draw):
    """With the activations of the same run in the cache, nothing moves, and all guesses are 0."""
    model, tokens, _, right, wrong = draw_question(draw)
    guesses = submission.guess_patches(model, tokens, plain_cache(model, tokens), right, wrong)
    assert_close(guesses, torch.zeros(3, 4, 5), "the guesses from the run's own cache")


@checks("guess_patches")
def test_a_guess_is_a_thousand_times_a_thousandth_of_the_patch(submission, draw: Draw):
    """Each guess agrees with a thousandth of that patch, measured and multiplied by a thousand."""
    for config in ({"n_layers": 2, "attn_only": False}, {}):
        model, tokens, cache, right, wrong = draw_question(draw, **config)
        guesses = submission.guess_patches(model, tokens, cache, right, wrong)
        expected = true_guesses(model, tokens, cache, right, wrong)
        hint = "(z in the cache - z in this run) * slope, summed over prompts and entries; through all later layers."
        assert_close(guesses, expected, "the table of guesses", hint=hint, rtol=2e-3, atol=2e-4)


@checks("guess_patches", seconds=15.0)  # the first check of all to need a shipped model waits for its loading
def test_in_the_last_layer_induction_is_foretold(submission, draw: Draw):
    """In induction-2l, layer 1's guesses at the last position are those that small steps give."""
    model = shared_model("induction-2l")
    tokens, others, right, wrong = two_rows(draw)
    sides = torch.tensor([right]), torch.tensor([wrong])
    cache = plain_cache(model, others)
    guesses = submission.guess_patches(model, tokens, cache, *sides)
    short = {**cache, "blocks.0.attn.hook_z": plain_cache(model, tokens)["blocks.0.attn.hook_z"]}
    expected = true_guesses(model, tokens, short, *sides)[1, :, -1]
    assert_close(guesses[1, :, -1], expected, "the guesses for layer 1 at the last position", rtol=5e-3, atol=2e-3)


def on_a_frozen_model(learner, model, tokens, cache, right, wrong):
    """The guesses on a model without trainable parameters, and how many of these are trainable afterwards."""
    model.requires_grad_(False)
    try:
        guesses = learner.guess_patches(model, tokens, cache, right, wrong)
    except RuntimeError as fault:
        if "does not require grad" not in str(fault) and "have been used in the graph" not in str(fault):
            raise
        guesses = str(fault)
    return guesses, sum(p.requires_grad for p in model.parameters())


@checks("guess_patches")
def test_a_frozen_model_will_do(submission, draw: Draw):
    """It works where no parameter requires a gradient, and leaves that so."""
    model, tokens, cache, right, wrong = draw_question(draw, n_layers=2)
    guesses, trainable = submission.run(on_a_frozen_model, model, tokens, cache, right, wrong)
    assert "have been used in the graph" not in str(guesses), (
        "What you keep is a copy that the model doesn't compute with, so that no way leads from it to the logits. Keep "
        "z itself. (`allow_unused=True`, which PyTorch offers, would only give you None for a slope.)"
    )
    assert isinstance(guesses, torch.Tensor), (
        "In a frozen model PyTorch finds nothing that requires a gradient. Ask for it at the activations: "
        "`z.requires_grad_()` in your hook."
    )
    expected = true_guesses(model, tokens, cache, right, wrong)
    assert_close(guesses, expected, "the table of guesses in a frozen model", rtol=2e-3, atol=2e-4)
    assert_equal(trainable, 0, "the number of parameters that require a gradient afterwards, in a frozen model,")


def gradients_after(learner, model, tokens, cache, right, wrong, value):
    """Fills every second `.grad`, freezes every third parameter; what has changed, the flag, the runs."""
    parameters = list(model.parameters())
    for number, parameter in enumerate(parameters):
        parameter.requires_grad_(number % 3 > 0)
        parameter.grad = torch.full_like(parameter, value) if number % 2 == 0 else None
    runs = []
    counter = model.unembed.register_forward_pre_hook(lambda *_: runs.append(1))
    try:
        guesses = learner.guess_patches(model, tokens, cache, right, wrong)
    finally:
        counter.remove()
    flags = sum(p.requires_grad != (number % 3 > 0) for number, p in enumerate(parameters))
    lost = sum(p.grad is None for p in parameters[::2])
    change = (
        max((p.grad - value).abs().max().item() for p in parameters[::2] if p.grad is not None) if not lost else 0.0
    )
    return lost, change, sum(p.grad is not None for p in parameters[1::2]), guesses.requires_grad, flags, len(runs)


@checks("guess_patches")
def test_one_run_leaves_all_parameters_as_they_were(submission, draw: Draw):
    """One run; each parameter's `.grad` and `requires_grad` are what they were. The result is detached."""
    question = draw_question(draw, n_layers=2)
    value = float(draw.normal(1))
    lost, change, made, wants, flags, runs = submission.run(gradients_after, *question, value)
    hint = "torch.autograd.grad(metric, kept) returns slopes; metric.backward() adds to every .grad."
    assert_equal(lost, 0, "the number of parameters that lost their .grad", hint=hint)
    assert_close(change, 0.0, "the largest change of a .grad", hint=hint)
    assert_equal(made, 0, "the number of parameters that had no .grad and have one now", hint=hint)
    assert not wants, "The result still requires a gradient: detach it, or compute it under torch.no_grad()."
    hint = "Leave parameters as frozen or trainable as they are: ask for slopes at z."
    assert_equal(flags, 0, "the number of parameters whose `requires_grad` is another than before", hint=hint)
    hint = "Keep the z of all layers in the same run."
    assert_equal(runs, 1, "the number of times that the model has run", hint=hint)
