"""The edge towards files and the network: readers of raw formats, and the sample catalogue that writes them.

What does not belong here: anything that decides what is a good track, a clean lyric or a usable recording.
"""
