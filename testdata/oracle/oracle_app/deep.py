"""Functions that call one another, more of them than Python's stack takes while they are read."""


def step_0(request):
    return step_1(request)


def step_1(request):
    return step_2(request)


def step_2(request):
    return step_3(request)


def step_3(request):
    return step_4(request)


def step_4(request):
    return step_5(request)


def step_5(request):
    return step_6(request)


def step_6(request):
    return step_7(request)


def step_7(request):
    return step_8(request)


def step_8(request):
    return step_9(request)


def step_9(request):
    return step_10(request)


def step_10(request):
    return step_11(request)


def step_11(request):
    return step_12(request)


def step_12(request):
    return step_13(request)


def step_13(request):
    return step_14(request)


def step_14(request):
    return step_15(request)


def step_15(request):
    return step_16(request)


def step_16(request):
    return step_17(request)


def step_17(request):
    return step_18(request)


def step_18(request):
    return step_19(request)


def step_19(request):
    return step_20(request)


def step_20(request):
    return step_21(request)


def step_21(request):
    return step_22(request)


def step_22(request):
    return step_23(request)


def step_23(request):
    return step_24(request)


def step_24(request):
    return step_25(request)


def step_25(request):
    return step_26(request)


def step_26(request):
    return step_27(request)


def step_27(request):
    return step_28(request)


def step_28(request):
    return step_29(request)


def step_29(request):
    return step_30(request)


def step_30(request):
    return step_31(request)


def step_31(request):
    return step_32(request)


def step_32(request):
    return step_33(request)


def step_33(request):
    return step_34(request)


def step_34(request):
    return step_35(request)


def step_35(request):
    return step_36(request)


def step_36(request):
    return step_37(request)


def step_37(request):
    return step_38(request)


def step_38(request):
    return step_39(request)


def step_39(request):
    return step_40(request)


def step_40(request):
    return step_41(request)


def step_41(request):
    return step_42(request)


def step_42(request):
    return step_43(request)


def step_43(request):
    return step_44(request)


def step_44(request):
    return step_45(request)


def step_45(request):
    return step_46(request)


def step_46(request):
    return step_47(request)


def step_47(request):
    return step_48(request)


def step_48(request):
    return step_49(request)


def step_49(request):
    return step_50(request)


def step_50(request):
    return step_51(request)


def step_51(request):
    return step_52(request)


def step_52(request):
    return step_53(request)


def step_53(request):
    return step_54(request)


def step_54(request):
    return step_55(request)


def step_55(request):
    return step_56(request)


def step_56(request):
    return step_57(request)


def step_57(request):
    return step_58(request)


def step_58(request):
    return step_59(request)


def step_59(request):
    return step_60(request)


def step_60(request):
    return step_61(request)


def step_61(request):
    return step_62(request)


def step_62(request):
    return step_63(request)


def step_63(request):
    return step_64(request)


def step_64(request):
    return step_65(request)


def step_65(request):
    return step_66(request)


def step_66(request):
    return step_67(request)


def step_67(request):
    return step_68(request)


def step_68(request):
    return step_69(request)


def step_69(request):
    return step_70(request)


def step_70(request):
    return step_71(request)


def step_71(request):
    return step_72(request)


def step_72(request):
    return step_73(request)


def step_73(request):
    return step_74(request)


def step_74(request):
    return step_75(request)


def step_75(request):
    return step_76(request)


def step_76(request):
    return step_77(request)


def step_77(request):
    return step_78(request)


def step_78(request):
    return step_79(request)


def step_79(request):
    return step_80(request)


def step_80(request):
    return step_81(request)


def step_81(request):
    return step_82(request)


def step_82(request):
    return step_83(request)


def step_83(request):
    return step_84(request)


def step_84(request):
    return step_85(request)


def step_85(request):
    return step_86(request)


def step_86(request):
    return step_87(request)


def step_87(request):
    return step_88(request)


def step_88(request):
    return step_89(request)


def step_89(request):
    return step_90(request)


def step_90(request):
    return step_91(request)


def step_91(request):
    return step_92(request)


def step_92(request):
    return step_93(request)


def step_93(request):
    return step_94(request)


def step_94(request):
    return step_95(request)


def step_95(request):
    return step_96(request)


def step_96(request):
    return step_97(request)


def step_97(request):
    return step_98(request)


def step_98(request):
    return step_99(request)


def step_99(request):
    return step_100(request)


def step_100(request):
    return step_101(request)


def step_101(request):
    return step_102(request)


def step_102(request):
    return step_103(request)


def step_103(request):
    return step_104(request)


def step_104(request):
    return step_105(request)


def step_105(request):
    return step_106(request)


def step_106(request):
    return step_107(request)


def step_107(request):
    return step_108(request)


def step_108(request):
    return step_109(request)


def step_109(request):
    return step_110(request)


def step_110(request):
    return step_111(request)


def step_111(request):
    return step_112(request)


def step_112(request):
    return step_113(request)


def step_113(request):
    return step_114(request)


def step_114(request):
    return step_115(request)


def step_115(request):
    return step_116(request)


def step_116(request):
    return step_117(request)


def step_117(request):
    return step_118(request)


def step_118(request):
    return step_119(request)


def step_119(request):
    return step_120(request)


def step_120(request):
    return step_121(request)


def step_121(request):
    return step_122(request)


def step_122(request):
    return step_123(request)


def step_123(request):
    return step_124(request)


def step_124(request):
    return step_125(request)


def step_125(request):
    return step_126(request)


def step_126(request):
    return step_127(request)


def step_127(request):
    return step_128(request)


def step_128(request):
    return step_129(request)


def step_129(request):
    return step_130(request)


def step_130(request):
    return step_131(request)


def step_131(request):
    return step_132(request)


def step_132(request):
    return step_133(request)


def step_133(request):
    return step_134(request)


def step_134(request):
    return step_135(request)


def step_135(request):
    return step_136(request)


def step_136(request):
    return step_137(request)


def step_137(request):
    return step_138(request)


def step_138(request):
    return step_139(request)


def step_139(request):
    return step_140(request)


def step_140(request):
    request.page = "deep"
