"""Studies: groups of ordinary runs with one question (which way is best, how steady is it, which settings).

`study` is the folder and its fold, `base` what a kind of study is, `kinds` the table of them, `director` the thread that lets open
studies go on. Importing this brings no torch.
"""
