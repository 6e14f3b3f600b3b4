"""The parameters of the methods.

sbp_parameters  what each method takes
decay_models    decay models as laws of marks
"""
