"""Watches: what they measure, when they cross, and how their crossings wait for an activation.

measurements        the marks that count for a watch, and their totals
waiting_crossings   crossings on the board: their marks, their order, and what defers them
crossing_detection  whether a watch crosses: rising, falling, or over time
"""
